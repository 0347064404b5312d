"""The stores of the orchestrator, on Postgres."""

from rookery_orchestrator.postgres.agents import PostgresAgentProjection
from rookery_orchestrator.postgres.leases import PostgresLeaseStore
from rookery_orchestrator.postgres.tasks import PostgresTaskStore

__all__ = ["PostgresAgentProjection", "PostgresLeaseStore", "PostgresTaskStore"]
