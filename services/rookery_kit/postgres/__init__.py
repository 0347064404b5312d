"""Postgres: one schema and one role per service, every transaction scoped to a tenant."""

from rookery_kit.postgres.database import Connection, Database, DatabaseUnavailable
from rookery_kit.postgres.paging import InvalidPageToken, PageToken
from rookery_kit.postgres.queries import Queries, load_queries

__all__ = ["Connection", "Database", "DatabaseUnavailable", "InvalidPageToken", "PageToken", "Queries", "load_queries"]
