"""What auth speaks of: identities, credentials and keys."""

from rookery_auth.model.api_key import ApiKey, ApiKeyEnded, ApiKeyNotFound
from rookery_auth.model.audit import LoggedEvent
from rookery_auth.model.credentials import (
    CredentialInvalid,
    EnrollmentToken,
    EnrollmentTokenNotFound,
    RefreshFamily,
    RefreshTokenReused,
)
from rookery_auth.model.etag import EtagMismatch, etag_of, require_etag
from rookery_auth.model.grant import DelegationRefused, Grant, SignedToken
from rookery_auth.model.identity import Identity, RoleUnknown
from rookery_auth.model.revocation import Revocation
from rookery_auth.model.roles import (
    BindingNotFound,
    Decision,
    HeldRole,
    Role,
    RoleBinding,
    RoleBuiltIn,
    RoleExists,
    RoleGrant,
    RoleNotFound,
    narrowed,
)
from rookery_auth.model.signing_key import RotationInProgress, SigningKey, SigningKeyState
from rookery_auth.model.tenants import (
    ERASING_SERVICES,
    LAST_ERASURE_ROUND,
    Tenant,
    TenantDeleted,
    TenantExists,
    TenantLife,
    TenantNotFound,
    TenantProtected,
)
from rookery_auth.model.token_set import TokenSet

__all__ = [
    "ERASING_SERVICES",
    "LAST_ERASURE_ROUND",
    "ApiKey",
    "ApiKeyEnded",
    "ApiKeyNotFound",
    "BindingNotFound",
    "CredentialInvalid",
    "Decision",
    "DelegationRefused",
    "EnrollmentToken",
    "EnrollmentTokenNotFound",
    "EtagMismatch",
    "Grant",
    "HeldRole",
    "Identity",
    "LoggedEvent",
    "RefreshFamily",
    "RefreshTokenReused",
    "Revocation",
    "Role",
    "RoleBinding",
    "RoleBuiltIn",
    "RoleExists",
    "RoleGrant",
    "RoleNotFound",
    "RoleUnknown",
    "RotationInProgress",
    "SignedToken",
    "SigningKey",
    "SigningKeyState",
    "Tenant",
    "TenantDeleted",
    "TenantExists",
    "TenantLife",
    "TenantNotFound",
    "TenantProtected",
    "TokenSet",
    "etag_of",
    "narrowed",
    "require_etag",
]
