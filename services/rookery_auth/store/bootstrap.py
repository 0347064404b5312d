"""What the first start creates."""

from typing import Protocol

from rookery_auth.model import ApiKey, SigningKey


class BootstrapStore(Protocol):
    """What the first start creates, and a recovery."""

    async def bootstrap(self, signing_key: SigningKey, administrator: ApiKey) -> ApiKey:
        """Keeps a signing key and the administrator's API key where there are none yet.

        Answers the administrator's key in force, or the last one where none is. Replicas that start at the same
        moment agree on the same ones.
        """
        ...

    async def add_administrator(self, administrator: ApiKey) -> None:
        """Keeps another administrator's key, and tells the audit log."""
        ...
