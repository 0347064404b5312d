"""The stores of the orchestrator, on Postgres."""

from rookery_orchestrator.postgres.agents import PostgresAgentProjection
from rookery_orchestrator.postgres.delayed_messages import PostgresDelayedStore
from rookery_orchestrator.postgres.fan_outs import PostgresFanOutStore
from rookery_orchestrator.postgres.leases import PostgresLeaseStore
from rookery_orchestrator.postgres.settled_messages import PostgresSettledStore
from rookery_orchestrator.postgres.tasks import PostgresTaskStore
from rookery_orchestrator.postgres.topics import PostgresTopicStore

__all__ = [
    "PostgresAgentProjection",
    "PostgresDelayedStore",
    "PostgresFanOutStore",
    "PostgresLeaseStore",
    "PostgresSettledStore",
    "PostgresTaskStore",
    "PostgresTopicStore",
]
