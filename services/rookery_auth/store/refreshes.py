"""Families of refresh tokens, as use cases see them."""

from typing import Protocol

from rookery_auth.model import RefreshFamily


class RefreshStore(Protocol):
    """Families of refresh tokens."""

    async def rotate(self, family_id: str, generation: int, nonce: str) -> RefreshFamily:
        """Moves a family on from `generation`; `nonce` names the exchange, and a repetition answers the same.

        Raises RefreshTokenReused, having revoked the family, when it had moved on before by another exchange;
        CredentialInvalid when it is unknown, expired or revoked.
        """
        ...
