"""Families of refresh tokens, as use cases see them."""

from datetime import datetime
from typing import Protocol

from rookery_auth.model import RefreshFamily


class RefreshStore(Protocol):
    """Families of refresh tokens."""

    async def find(self, family_id: str) -> RefreshFamily:
        """A family, in force or not. Raises CredentialInvalid when it is unknown."""
        ...

    async def rotate(self, family_id: str, generation: int, nonce: str, tokens_expire: datetime) -> RefreshFamily:
        """Moves a family on from `generation`; `nonce` names the exchange, and a repetition answers the same.

        Raises RefreshTokenReused when it had moved on before by another exchange, having revoked the family and
        announced that all it has earned is refused, until `tokens_expire`, when the last of that is gone;
        CredentialInvalid when it is unknown, expired or revoked.
        """
        ...

    async def revoke(self, tenant: str, family_id: str, tokens_expire: datetime) -> bool:
        """Revokes a family of a tenant, and announces that all it has earned is refused; False: there is none."""
        ...

    async def revoke_subject(self, tenant: str, subject: str, tokens_expire: datetime) -> None:
        """Revokes every family of a subject, and announces that all they have earned is refused."""
        ...
