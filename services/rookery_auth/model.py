"""What auth speaks of: identities, credentials and keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rookery_kit.errors import InvalidArgument, Unauthenticated


class CredentialInvalid(Unauthenticated):
    """The credential is unknown, used, expired or revoked. Which of these is told to nobody."""

    reason = "CREDENTIAL_INVALID"

    def __init__(self) -> None:
        super().__init__("the credential is not valid")


class RefreshTokenReused(Unauthenticated):
    """A refresh token came a second time; somebody else may hold it, so its family is revoked."""

    reason = "REFRESH_TOKEN_REUSED"

    def __init__(self) -> None:
        super().__init__("the refresh token was used before; all tokens of its family are revoked, enrol again")


class RoleUnknown(InvalidArgument):
    """A role was named that does not exist."""

    def __init__(self, role: str) -> None:
        text = f"there is no role {role!r}"
        super().__init__(text, (("roles", text),))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a credential speaks for. `subject` is `agent:<uuid>` or `user:<name>`."""

    subject: str
    tenant: str
    roles: tuple[str, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EnrollmentToken:
    """A credential that earns a new agent identity, once."""

    id: str
    tenant: str
    creator: str
    roles: tuple[str, ...]
    labels: Mapping[str, str]
    digest: bytes
    create_time: datetime
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A lasting credential of a user."""

    id: str
    tenant: str
    subject: str
    roles: tuple[str, ...]
    digest: bytes
    create_time: datetime
    expire_time: datetime | None


@dataclass(frozen=True, slots=True)
class RefreshFamily:
    """The chain of refresh tokens that began with one enrolment; only the newest of them is good.

    `generation` counts from 1. `nonce` went into the newest token: the request_id of the exchange that gave it out,
    so that this exchange can be repeated and answered with the same token.
    """

    id: str
    identity: Identity
    generation: int
    nonce: str
    expire_time: datetime
    revoked: bool


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs access tokens; the private part only ever encrypted outside the process."""

    kid: str
    public_x: str
    encrypted_private: bytes
    create_time: datetime


@dataclass(frozen=True, slots=True)
class TokenSet:
    """What an exchange gives. The refresh token is empty where the credential is itself lasting."""

    access_token: str
    access_expire_time: datetime
    refresh_token: str
    refresh_expire_time: datetime | None
    identity: Identity
