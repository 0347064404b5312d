"""Signing keys, as use cases see them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from rookery_auth.model import SigningKey


class SigningKeyStore(Protocol):
    """Signing keys. Times are the database's."""

    async def list_in_use(self) -> tuple[Sequence[SigningKey], datetime]:
        """The keys that have not retired, oldest first, and the time by the database's clock."""
        ...

    async def list(self, before: tuple[datetime, str] | None, limit: int) -> tuple[Sequence[SigningKey], datetime]:
        """Keys, newest first, from after the one of a create time and kid, and the time by the database's clock."""
        ...

    async def rotate(self, key: SigningKey, delay: timedelta, overlap: timedelta) -> SigningKey:
        """Keeps a key that signs after `delay`; those before retire then, and expire `overlap` later.

        Raises RotationInProgress while another waits for its activation.
        """
        ...

    async def replace(self, key: SigningKey) -> SigningKey:
        """Keeps a key that signs at once; every other one ends at once."""
        ...

    async def wipe_retired(self) -> None:
        """Removes the private parts of keys that have retired."""
        ...
