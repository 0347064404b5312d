"""The stores of the registry, on Postgres."""

from rookery_registry.postgres.agents import PostgresAgentStore
from rookery_registry.postgres.beats import PostgresBeatStore
from rookery_registry.postgres.change_log import PostgresChangeLog
from rookery_registry.postgres.health import PostgresHealthStore
from rookery_registry.postgres.mcp_servers import PostgresMcpServerStore

__all__ = [
    "PostgresAgentStore",
    "PostgresBeatStore",
    "PostgresChangeLog",
    "PostgresHealthStore",
    "PostgresMcpServerStore",
]
