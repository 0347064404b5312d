"""Mailboxes on three NATS servers: what becomes of mail under load when the leader of its stream is lost."""

from collections.abc import AsyncIterator

import pytest
from harness.databases import FreshDatabase
from harness.history import Kind
from harness.mail_traffic import MailTraffic
from harness.mailbox_service import MailService, running_mail_service
from harness.nats_cluster import NatsCluster
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

POLICY = DeliveryPolicy(ack_wait=2.0, consumers_in_memory=False)


@pytest.fixture
async def mail(fresh_database: FreshDatabase, nats_cluster: NatsCluster) -> AsyncIterator[MailService]:
    async with running_mail_service(fresh_database, nats_cluster, policy=POLICY, stream_replicas=3) as service:
        yield service


@pytest.mark.capability("M1")
@pytest.mark.capability("M7")
@pytest.mark.timeout(240)
@pytest.mark.parametrize("lose_disk", [False, True], ids=["leader-killed", "leader-and-its-disk-lost"])
async def test_no_promise_about_mail_is_broken_when_the_leader_of_its_stream_is_lost(
    mail: MailService, nats_cluster: NatsCluster, lose_disk: bool
) -> None:
    traffic = MailTraffic(mail.agent(), mail)
    async with traffic.flowing("high", "normal"):
        await traffic.more(100)
        leader = await nats_cluster.leader_of("MAIL")
        await nats_cluster.kill(leader, lose_disk=lose_disk)
        await traffic.more(100)
        nats_cluster.start_node(leader)
        await nats_cluster.is_whole("MAIL")
        await traffic.more(100)
    assert traffic.history.check() == []
    assert traffic.history.count(Kind.EFFECT) >= 300
