"""What auth speaks of: identities, credentials and keys."""

from rookery_auth.model.credentials import (
    ApiKey,
    CredentialInvalid,
    EnrollmentToken,
    RefreshFamily,
    RefreshTokenReused,
)
from rookery_auth.model.identity import Identity, RoleUnknown
from rookery_auth.model.signing_key import SigningKey
from rookery_auth.model.token_set import TokenSet

__all__ = [
    "ApiKey",
    "CredentialInvalid",
    "EnrollmentToken",
    "Identity",
    "RefreshFamily",
    "RefreshTokenReused",
    "RoleUnknown",
    "SigningKey",
    "TokenSet",
]
