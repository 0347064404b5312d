"""API keys, as use cases see them."""

from typing import Protocol

from rookery_auth.model import ApiKey


class ApiKeyStore(Protocol):
    """API keys."""

    async def find_api_key(self, key_id: str) -> ApiKey:
        """The key of an id that has not expired. Raises CredentialInvalid."""
        ...
