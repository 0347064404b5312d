"""TokenService."""

from rookery.auth.v1 import token_pb2, token_service_pb2, token_service_pb2_grpc
from rookery_kit.access_token import ALGORITHM

from rookery_auth.model import SigningKey, TokenSet
from rookery_auth.service.tokens import Tokens


class TokenRpc(token_service_pb2_grpc.TokenServiceServicer):
    """Serves TokenService. Both methods are public: a credential, or nothing secret, is all they need."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def IssueToken(
        self, request: token_service_pb2.IssueTokenRequest, context: object
    ) -> token_service_pb2.IssueTokenResponse:
        """Exchanges a credential."""
        match request.WhichOneof("credential"):
            case "enrollment_token":
                tokens = await self._tokens.enroll(request.enrollment_token, request.request_id)
            case "refresh_token":
                tokens = await self._tokens.refresh(request.refresh_token, request.request_id)
            case _:
                tokens = await self._tokens.use_api_key(request.api_key)
        return token_service_pb2.IssueTokenResponse(token_set=_encode(tokens))

    async def GetJwks(
        self, request: token_service_pb2.GetJwksRequest, context: object
    ) -> token_service_pb2.GetJwksResponse:
        """Answers the public keys."""
        return token_service_pb2.GetJwksResponse(keys=[_encode_key(key) for key in self._tokens.verification_keys()])


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


def _encode_key(key: SigningKey) -> token_pb2.JsonWebKey:
    return token_pb2.JsonWebKey(kid=key.kid, kty="OKP", crv="Ed25519", alg=ALGORITHM, use="sig", x=key.public_x)
