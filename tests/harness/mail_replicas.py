"""Two orchestrators with mailboxes, on the same database and bus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rookery_orchestrator.mailbox.policy import DeliveryPolicy

from harness.databases import FreshDatabase
from harness.mailbox_service import QUICK, MailService, running_mail_service
from harness.nats_server import Reachable


@asynccontextmanager
async def running_mail_replicas(
    database: FreshDatabase, nats: Reachable, *, policy: DeliveryPolicy = QUICK
) -> AsyncIterator[list[MailService]]:
    """Serves until the block ends; both know the same agents."""
    async with (
        running_mail_service(database, nats, policy=policy) as first,
        running_mail_service(database, nats, policy=policy, agents=first.agents, mint=first.mint) as second,
    ):
        yield [first, second]
