"""The stores of the tool-executor, on Postgres."""

from rookery_tool_executor.postgres.ledger import PostgresLedgerStore
from rookery_tool_executor.postgres.servers import PostgresServerStore

__all__ = ["PostgresLedgerStore", "PostgresServerStore"]
