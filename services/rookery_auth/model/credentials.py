"""What earns a token."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rookery_kit.errors import NotFound, Unauthenticated

from rookery_auth.model.identity import Identity


class CredentialInvalid(Unauthenticated):
    """The credential is unknown, used, expired or revoked. Which of these is told to nobody."""

    reason = "CREDENTIAL_INVALID"

    def __init__(self) -> None:
        super().__init__("the credential is not valid")


class RefreshTokenReused(Unauthenticated):
    """A refresh token came a second time; somebody else may hold it, so its family is revoked."""

    reason = "REFRESH_TOKEN_REUSED"

    def __init__(self, family: "RefreshFamily") -> None:
        self.family = family
        super().__init__("the refresh token was used before; all tokens of its family are revoked, enrol again")


class EnrollmentTokenNotFound(NotFound):
    """No such enrolment token in the caller's tenant."""

    reason = "ENROLLMENT_TOKEN_NOT_FOUND"

    def __init__(self, token_id: str) -> None:
        super().__init__("there is no such enrolment token", enrollment_token_id=token_id)


@dataclass(frozen=True, slots=True)
class EnrollmentToken:
    """A credential that earns a new agent identity, once, unless it was revoked before."""

    id: str
    tenant: str
    creator: str
    roles: tuple[str, ...]
    labels: Mapping[str, str]
    digest: bytes
    create_time: datetime
    expire_time: datetime
    use_time: datetime | None = None
    revoke_time: datetime | None = None


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
