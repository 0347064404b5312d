"""Acting for another (RFC 8693)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rookery.auth.v1 import token_service_pb2

from rookery_sdk.credentials import exchange
from rookery_sdk.errors import Unauthenticated
from rookery_sdk.tokens import AccessToken, AccessTokens

if TYPE_CHECKING:
    from rookery.auth.v1 import token_service_pb2_grpc


class Delegation:
    """Earns tokens with which `actor` acts for the subject of `subject_token`, an access or a delegation token of it.

    They permit what both permit, within the scopes, and end with the first of the two tokens.
    """

    def __init__(
        self,
        stub: "token_service_pb2_grpc.TokenServiceAsyncStub",
        actor: AccessTokens,
        subject_token: str,
        scopes: Sequence[str],
    ) -> None:
        self._stub = stub
        self._actor = actor
        self._subject_token = subject_token
        self._scopes = scopes

    async def earn(self) -> AccessToken:
        """Exchanges both tokens.

        Raises Unauthenticated when one is no longer accepted, PermissionDenied (DELEGATION_REFUSED).
        """
        actor = await self._actor.current()
        try:
            return await self._exchanged(actor)
        except Unauthenticated:
            # It may be the actor's own token that was revoked, and that can be earned anew.
            return await self._exchanged(await self._actor.replaced(actor))

    async def _exchanged(self, actor: AccessToken) -> AccessToken:
        asked = token_service_pb2.TokenExchange(
            subject_token=self._subject_token, actor_token=actor.value, scopes=self._scopes
        )
        return await exchange(self._stub, asked)


async def delegation_token(
    stub: "token_service_pb2_grpc.TokenServiceAsyncStub", own: AccessTokens, actor: str, scopes: Sequence[str]
) -> str:
    """A token that lets `actor` act for the owner of `own`; nobody else can use it, and no service accepts it."""
    token = await own.current()
    asked = token_service_pb2.TokenExchange(subject_token=token.value, may_act=actor, scopes=scopes)
    return (await exchange(stub, asked)).value
