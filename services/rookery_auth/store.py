"""What auth keeps, as its use cases see it. Every method is atomic and durable when it returns."""

from typing import Protocol

from rookery_auth.model import ApiKey, EnrollmentToken, RefreshFamily, SigningKey


class EnrollmentStore(Protocol):
    """Enrolment tokens."""

    async def add(self, token: EnrollmentToken) -> EnrollmentToken:
        """Keeps a token; answers the one already kept under its id, if there is one."""
        ...

    async def redeem(self, token_id: str, digest: bytes, family: RefreshFamily) -> RefreshFamily:
        """Uses a token up and begins the family; `family.nonce` names the exchange.

        A repetition of the same exchange, until the family has moved on, answers the family that it began.
        Raises CredentialInvalid for a token that is unknown, expired, or used by another exchange.
        """
        ...

    async def find_enrollment(self, token_id: str) -> EnrollmentToken:
        """The token of an id, used or not. Raises CredentialInvalid."""
        ...


class RefreshStore(Protocol):
    """Families of refresh tokens."""

    async def rotate(self, family_id: str, generation: int, nonce: str) -> RefreshFamily:
        """Moves a family on from `generation`; `nonce` names the exchange, and a repetition answers the same.

        Raises RefreshTokenReused, having revoked the family, when it had moved on before by another exchange;
        CredentialInvalid when it is unknown, expired or revoked.
        """
        ...


class ApiKeyStore(Protocol):
    """API keys."""

    async def find_api_key(self, key_id: str) -> ApiKey:
        """The key of an id that has not expired. Raises CredentialInvalid."""
        ...


class BootstrapStore(Protocol):
    """What the first start creates."""

    async def bootstrap(self, signing_key: SigningKey, administrator: ApiKey) -> tuple[tuple[SigningKey, ...], ApiKey]:
        """Keeps a signing key and the administrator's API key where there are none yet; answers those in force.

        Replicas that start at the same moment agree on the same ones.
        """
        ...


class AuthStore(EnrollmentStore, RefreshStore, ApiKeyStore, BootstrapStore, Protocol):
    """All of it."""
