"""The keys that verify access tokens, fetched from the auth service."""

from collections.abc import Mapping

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rookery.auth.v1 import token_service_pb2, token_service_pb2_grpc

from rookery_kit.access_token import public_key
from rookery_kit.rpc.channel import open_channel, service_error

_TIMEOUT_SECONDS = 2.0


class RemoteKeys:
    """Asks auth for its JWKS."""

    def __init__(self, auth_address: str) -> None:
        self._channel = open_channel(auth_address)
        self._stub: token_service_pb2_grpc.TokenServiceAsyncStub = token_service_pb2_grpc.TokenServiceStub(
            self._channel
        )

    async def fetch(self) -> Mapping[str, Ed25519PublicKey]:
        """The keys by key id. Raises Unavailable when auth does not answer."""
        try:
            answer = await self._stub.GetJwks(token_service_pb2.GetJwksRequest(), timeout=_TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise service_error("auth", error) from error
        return {key.kid: public_key(key.x) for key in answer.keys}

    async def close(self) -> None:
        """Closes the channel."""
        await self._channel.close()
