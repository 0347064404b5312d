"""The stores of auth, on Postgres."""

from rookery_auth.postgres.api_keys import PostgresApiKeys
from rookery_auth.postgres.bootstrap import PostgresBootstrap
from rookery_auth.postgres.enrollments import PostgresEnrollments
from rookery_auth.postgres.refreshes import PostgresRefreshes

__all__ = ["PostgresApiKeys", "PostgresBootstrap", "PostgresEnrollments", "PostgresRefreshes"]
