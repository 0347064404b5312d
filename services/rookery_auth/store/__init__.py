"""What auth keeps. Every method is atomic and durable when it returns."""

from rookery_auth.store.api_keys import ApiKeyStore
from rookery_auth.store.audit import AuditLog
from rookery_auth.store.bootstrap import BootstrapStore
from rookery_auth.store.enrollments import EnrollmentStore
from rookery_auth.store.entitlements import EntitlementStore, Standing
from rookery_auth.store.policies import PolicyStore
from rookery_auth.store.refreshes import RefreshStore
from rookery_auth.store.revocations import RevocationStore
from rookery_auth.store.signing_keys import SigningKeyStore
from rookery_auth.store.tenants import TenantStore, TenantTransaction
from rookery_auth.store.token_events import TokenEventStore

__all__ = [
    "ApiKeyStore",
    "AuditLog",
    "BootstrapStore",
    "EnrollmentStore",
    "EntitlementStore",
    "PolicyStore",
    "RefreshStore",
    "RevocationStore",
    "SigningKeyStore",
    "Standing",
    "TenantStore",
    "TenantTransaction",
    "TokenEventStore",
]
