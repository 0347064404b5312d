"""Two orchestrators in processes of their own, one of which has a wrong clock, and agents that receive by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import psycopg
from rookery_orchestrator.directory import KnownAgent
from rookery_orchestrator.mailbox.policy import DeliveryPolicy

from harness.databases import FreshDatabase
from harness.mailbox_service import KnownAgents, MailAgent, MailService, ReceiveClient, mail_service_at
from harness.nats_server import RestartableNats
from harness.suite import running_suite
from harness.tokens import TokenMint

_RIGHT, _WRONG = "orchestrator", "orchestrator-2"
_LEARN = """
INSERT INTO orchestrator.agents (tenant, id, name, capabilities, online, registered, session_epoch, revision)
VALUES (%s, %s, %s, %s, %s, true, %s, %s)
"""


class AgentsInDatabase(KnownAgents):
    """The agents that the test knows, told to the orchestrators' database as the registry's events would."""

    def __init__(self, database: FreshDatabase) -> None:
        super().__init__()
        self._database = database

    def add(self, agent: KnownAgent) -> None:
        """Takes an agent in."""
        super().add(agent)
        row = (agent.tenant, agent.id, agent.name, list(agent.capabilities))
        with psycopg.connect(self._database.admin_url, autocommit=True) as connection:
            connection.execute(_LEARN, (*row, agent.online, agent.session_epoch, agent.revision))


class ReplicaWithItsTokens(MailService):
    """A replica that agents call with tokens of its own mint, whichever replica they were made on."""

    def receiver(self, agent: MailAgent) -> ReceiveClient:
        """A Receive stream of an agent."""
        metadata = self.mint.bearer(subject=f"agent:{agent.id}", permissions=("messages:receive",))
        return super().receiver(replace(agent, metadata=metadata))


@asynccontextmanager
async def orchestrator_processes(
    database: FreshDatabase,
    nats: RestartableNats,
    *,
    ahead: timedelta,
    policy: DeliveryPolicy,
    issued: tuple[timedelta, timedelta],
) -> AsyncIterator[tuple[MailService, MailService]]:
    """One whose clock is right, and one whose clock is so far ahead; behind, if that is negative.

    `issued` is how far ahead the times in the tokens are that callers of the one and of the other have.
    """
    mint, agents = TokenMint(), AgentsInDatabase(database)
    async with mint.serving_keys() as auth_address:
        settings = {
            "AUTH_ADDRESS": auth_address,
            "DELIVERY_ACK_WAIT_SECONDS": str(policy.ack_wait),
            "NACK_BACKOFF_SECONDS": str(list(policy.nack_backoff)),
        }
        async with running_suite(database, nats, services=(_RIGHT,), extra={_RIGHT: settings}) as suite:
            suite.add_replica(_WRONG, ahead=ahead)
            await suite.start(_WRONG)
            right, wrong = (
                ReplicaWithItsTokens(**vars(mail_service_at(suite.channel(name), mint.by_clock(each), agents)))
                for name, each in zip((_RIGHT, _WRONG), issued, strict=True)
            )
            yield right, wrong
