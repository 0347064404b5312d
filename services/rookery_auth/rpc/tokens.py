"""TokenService."""

from rookery.auth.v1 import token_pb2, token_service_pb2, token_service_pb2_grpc
from rookery_kit.access_token import ALGORITHM
from rookery_kit.identity import Principal
from rookery_kit.rpc import Call

from rookery_auth.key_ring import KeyRing
from rookery_auth.model import SigningKey, TokenSet
from rookery_auth.service.delegation import Delegations, Exchange
from rookery_auth.service.revoke_token import TokenRevocations
from rookery_auth.service.tokens import Tokens


class TokenRpc(token_service_pb2_grpc.TokenServiceServicer):
    """Serves TokenService."""

    def __init__(self, tokens: Tokens, delegations: Delegations, revocations: TokenRevocations, ring: KeyRing) -> None:
        self._tokens = tokens
        self._delegations = delegations
        self._revocations = revocations
        self._ring = ring

    async def IssueToken(
        self, request: token_service_pb2.IssueTokenRequest, context: object
    ) -> token_service_pb2.IssueTokenResponse:
        """Exchanges a credential."""
        match request.WhichOneof("credential"):
            case "enrollment_token":
                tokens = await self._tokens.enroll(request.enrollment_token, request.request_id)
            case "refresh_token":
                tokens = await self._tokens.refresh(request.refresh_token, request.request_id)
            case "token_exchange":
                tokens = await self._delegations.exchange(_decode(request.token_exchange))
            case _:
                tokens = await self._tokens.use_api_key(request.api_key)
        return token_service_pb2.IssueTokenResponse(token_set=_encode(tokens))

    async def RevokeToken(
        self, request: token_service_pb2.RevokeTokenRequest, context: object
    ) -> token_service_pb2.RevokeTokenResponse:
        """Makes tokens be refused."""
        principal = Call.of(context).principal
        match request.WhichOneof("target"):
            case "token":
                revoked = await self._revocations.token(principal, request.token)
            case "token_id":
                revoked = await self._revocations.token_id(principal, request.token_id)
            case _:
                revoked = await self._revocations.subject(principal, request.subject)
        return token_service_pb2.RevokeTokenResponse(revoked=revoked)

    async def IntrospectToken(
        self, request: token_service_pb2.IntrospectTokenRequest, context: object
    ) -> token_service_pb2.IntrospectTokenResponse:
        """Tells whether a token is good."""
        found = await self._revocations.introspect(Call.of(context).principal, request.token)
        return token_service_pb2.IntrospectTokenResponse() if found is None else _encode_active(found)

    async def GetJwks(
        self, request: token_service_pb2.GetJwksRequest, context: object
    ) -> token_service_pb2.GetJwksResponse:
        """Answers the public keys."""
        return token_service_pb2.GetJwksResponse(keys=[_encode_key(key) for key in self._ring.published()])


def _decode(exchange: token_service_pb2.TokenExchange) -> Exchange:
    return Exchange(exchange.subject_token, exchange.actor_token, exchange.may_act, tuple(exchange.scopes))


def _encode(tokens: TokenSet) -> token_pb2.TokenSet:
    return token_pb2.TokenSet(
        access_token=tokens.access_token,
        access_expire_time=tokens.access_expire_time,
        refresh_token=tokens.refresh_token,
        refresh_expire_time=tokens.refresh_expire_time,
        subject=tokens.identity.subject,
        tenant=tokens.identity.tenant,
        roles=tokens.identity.roles,
    )


def _encode_active(principal: Principal) -> token_service_pb2.IntrospectTokenResponse:
    response = token_service_pb2.IntrospectTokenResponse(
        active=True,
        subject=principal.subject,
        tenant=principal.tenant,
        roles=principal.roles,
        scopes=sorted(principal.permissions),
        token_id=principal.token_id,
        expire_time=principal.expires_at,
        delegates=principal.actors,
    )
    response.issue_time.FromMicroseconds(int(principal.issued_at * 1e6))
    return response


def _encode_key(key: SigningKey) -> token_pb2.JsonWebKey:
    return token_pb2.JsonWebKey(kid=key.kid, kty="OKP", crv="Ed25519", alg=ALGORITHM, use="sig", x=key.public_x)
