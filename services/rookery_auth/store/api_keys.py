"""API keys, as use cases see them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from rookery_auth.model import ApiKey
from rookery_auth.store.entitlements import Standing


class ApiKeyStore(Protocol):
    """API keys. A key of another tenant is not found."""

    async def find_for_exchange(self, key_id: str) -> tuple[ApiKey, Standing]:
        """A key, of whatever tenant, in force or not, and how its subject stands, in one statement.

        The digest of the secret before is in it only while that secret is good. Raises CredentialInvalid.
        """
        ...

    async def add(self, key: ApiKey, limit: int) -> ApiKey:
        """Keeps a key; answers the one already kept under its id, if there is one.

        Raises QuotaExceeded when `limit` keys of the tenant are in force, unless that is 0.
        """
        ...

    async def get(self, tenant: str, key_id: str) -> ApiKey:
        """One key. Raises ApiKeyNotFound."""
        ...

    async def list(
        self, tenant: str, subject: str, before: tuple[datetime, str] | None, limit: int
    ) -> Sequence[ApiKey]:
        """Keys, newest first, from after the one of a create time and id; an empty `subject` means any."""
        ...

    async def rotate(
        self, tenant: str, key_id: str, request_id: str, overlap: timedelta, digest: Callable[[str], bytes]
    ) -> ApiKey:
        """Gives a key its next secret, whose nonce holds `request_id`; `digest` answers the digest for a nonce.

        The last rotation repeated answers the same. Raises ApiKeyNotFound, ApiKeyEnded, RequestIdReused.
        """
        ...

    async def revoke(self, tenant: str, key_id: str, tokens_expire: datetime) -> ApiKey:
        """Ends a key, and announces that all it has earned is refused. Raises ApiKeyNotFound."""
        ...

    async def touch(self, uses: Mapping[str, datetime]) -> None:
        """Notes when keys were last used, by id, in one statement; never moves a time back."""
        ...
