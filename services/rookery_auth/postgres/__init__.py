"""The stores of auth, on Postgres."""

from rookery_auth.postgres.announcements import Announcements
from rookery_auth.postgres.api_keys import PostgresApiKeys
from rookery_auth.postgres.audit import PostgresAudit
from rookery_auth.postgres.bootstrap import PostgresBootstrap
from rookery_auth.postgres.enrollments import PostgresEnrollments
from rookery_auth.postgres.policies import PostgresPolicies
from rookery_auth.postgres.refreshes import PostgresRefreshes
from rookery_auth.postgres.revocations import PostgresRevocations
from rookery_auth.postgres.service_lock import ServiceLock, no_service_running
from rookery_auth.postgres.signing_keys import PostgresSigningKeys
from rookery_auth.postgres.tenants import PostgresTenants
from rookery_auth.postgres.token_events import PostgresTokenEvents

__all__ = [
    "Announcements",
    "PostgresApiKeys",
    "PostgresAudit",
    "PostgresBootstrap",
    "PostgresEnrollments",
    "PostgresPolicies",
    "PostgresRefreshes",
    "PostgresRevocations",
    "PostgresSigningKeys",
    "PostgresTenants",
    "PostgresTokenEvents",
    "ServiceLock",
    "no_service_running",
]
