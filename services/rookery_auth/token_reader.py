"""Reading the tokens that auth signed, by the same rules as every service."""

from typing import Any

import jwt
from rookery_kit.access_token import TOKEN_TYPE, TokenInvalid, TokenVerifier
from rookery_kit.clock import Clock
from rookery_kit.identity import Principal
from rookery_kit.identity_feed import Admission

from rookery_auth.key_ring import KeyRing
from rookery_auth.signing import DELEGATION_TYPE


class TokenReader:
    """Verifies access tokens and delegation tokens, revocations included."""

    def __init__(self, ring: KeyRing, *, issuer: str, audience: str, clock: Clock, admission: Admission) -> None:
        self._ring = ring
        self._access, self._delegation = (
            TokenVerifier(
                issuer=issuer,
                audience=audience,
                clock=clock,
                admission=admission,
                fetch_keys=ring.public_keys,
                token_type=token_type,
            )
            for token_type in (TOKEN_TYPE, DELEGATION_TYPE)
        )

    async def access(self, token: str) -> Principal:
        """The principal of an access token. Raises TokenInvalid, TokenExpired, and what the admission raises."""
        return await self._verified(self._access, token)

    async def delegation(self, token: str) -> tuple[Principal, str]:
        """Whom a delegation token speaks for, and who may act. Raises as `access` does."""
        principal = await self._verified(self._delegation, token)
        may_act: Any = jwt.decode(token, options={"verify_signature": False}).get("may_act")
        actor = may_act.get("sub") if isinstance(may_act, dict) else None
        if not isinstance(actor, str) or not actor:
            raise TokenInvalid("the token names nobody who may act")
        return principal, actor

    async def subject(self, token: str) -> tuple[Principal, str]:
        """Whom a token of either type speaks for, and who may act; that is empty for an access token."""
        if is_delegation(token):
            return await self.delegation(token)
        return await self.access(token), ""

    async def _verified(self, verifier: TokenVerifier, token: str) -> Principal:
        await verifier.keep_keys([key.kid for key in self._ring.published()])
        return await verifier.verify(token)


def is_delegation(token: str) -> bool:
    """Whether a token says of itself that it is a delegation token."""
    try:
        return jwt.get_unverified_header(token).get("typ") == DELEGATION_TYPE
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
