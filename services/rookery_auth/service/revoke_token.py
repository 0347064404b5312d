"""Revoking tokens (RFC 7009) and telling whether one is good (RFC 7662)."""

from rookery_kit.errors import PermissionDenied, PermissionMissing, Unauthenticated
from rookery_kit.identity import Principal

from rookery_auth.credential import REFRESH_PREFIX, CredentialMint
from rookery_auth.model import CredentialInvalid
from rookery_auth.service.revocations import Revocations
from rookery_auth.store import RefreshStore
from rookery_auth.token_reader import TokenReader

_MANAGE = "tokens:manage"


class TokenRevocations:
    """Revokes within the caller's tenant. Each method answers what was revoked; what is not good is no error.

    Who acts for another may give back the token in use, and takes the permission to manage tokens for more: it is to
    act for the other, not to lock it out.
    """

    def __init__(
        self, reader: TokenReader, mint: CredentialMint, refreshes: RefreshStore, revocations: Revocations
    ) -> None:
        self._reader = reader
        self._mint = mint
        self._refreshes = refreshes
        self._revocations = revocations

    async def token(self, principal: Principal, text: str) -> str:
        """Revokes a token that the caller holds: its id or its refresh family's; empty for one that is no good.

        Raises PermissionMissing.
        """
        if text.startswith(REFRESH_PREFIX):
            return await self._family(principal, text)
        found = await self.introspect(principal, text)
        if found is None:
            return ""
        _require_own(principal, own=not principal.actors or found.token_id == principal.token_id)
        await self._revocations.token(found.tenant, found.token_id, found.expires_at)
        return found.token_id

    async def token_id(self, principal: Principal, token_id: str) -> str:
        """Revokes a token by its id. Raises PermissionMissing for another's."""
        _require_own(principal, own=token_id == principal.token_id)
        await self._revocations.token(principal.tenant, token_id)
        return token_id

    async def subject(self, principal: Principal, subject: str) -> str:
        """Revokes every token of a subject, and its refresh tokens. Raises PermissionMissing for another's."""
        _require_own(principal, own=subject == principal.subject and not principal.actors)
        await self._refreshes.revoke_subject(principal.tenant, subject, self._revocations.tokens_expire())
        await self._revocations.subject(principal.tenant, subject)
        return subject

    async def introspect(self, principal: Principal, text: str) -> Principal | None:
        """Whom a token speaks for that is good at this moment; None for any other, and for one of another tenant.

        What another replica has revoked is asked of the database, which knows it before anybody is told.
        """
        try:
            found, _ = await self._reader.subject(text)
            await self._revocations.require_good(found)
        except (Unauthenticated, PermissionDenied):
            return None
        return found if found.tenant == principal.tenant else None

    async def _family(self, principal: Principal, text: str) -> str:
        try:
            family_id = self._mint.parse(REFRESH_PREFIX, text).id
        except CredentialInvalid:
            return ""
        _require_own(principal, own=not principal.actors)
        found = await self._refreshes.revoke(principal.tenant, family_id, self._revocations.tokens_expire())
        return family_id if found else ""


def _require_own(principal: Principal, *, own: bool) -> None:
    if not own and not principal.permits(_MANAGE):
        raise PermissionMissing(_MANAGE)
