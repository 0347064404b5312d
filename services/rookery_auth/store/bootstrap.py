"""What the first start creates."""

from typing import Protocol

from rookery_auth.model import ApiKey, SigningKey


class BootstrapStore(Protocol):
    """What the first start creates."""

    async def bootstrap(self, signing_key: SigningKey, administrator: ApiKey) -> tuple[tuple[SigningKey, ...], ApiKey]:
        """Keeps a signing key and the administrator's API key where there are none yet; answers those in force.

        Replicas that start at the same moment agree on the same ones.
        """
        ...
