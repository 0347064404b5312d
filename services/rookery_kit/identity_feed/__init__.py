"""What auth tells about who may call, followed by every service: revocations, tenants, and the keys in use."""

from rookery_kit.identity_feed.admission import Admission, IdentityStale, TenantSuspended, TokenRevoked
from rookery_kit.identity_feed.feed import IdentityFeed
from rookery_kit.identity_feed.revocations import Revocation, RevocationKind, Revocations
from rookery_kit.identity_feed.tenant_states import Quotas, TenantState, TenantStates

__all__ = [
    "Admission",
    "IdentityFeed",
    "IdentityStale",
    "Quotas",
    "Revocation",
    "RevocationKind",
    "Revocations",
    "TenantState",
    "TenantStates",
    "TenantSuspended",
    "TokenRevoked",
]
