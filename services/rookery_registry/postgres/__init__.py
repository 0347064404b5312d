"""The stores of the registry, on Postgres."""

from rookery_registry.postgres.agents import PostgresAgentStore
from rookery_registry.postgres.mcp_servers import PostgresMcpServerStore

__all__ = ["PostgresAgentStore", "PostgresMcpServerStore"]
