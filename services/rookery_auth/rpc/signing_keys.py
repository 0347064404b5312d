"""KeyService."""

from rookery.auth.v1 import key_service_pb2, key_service_pb2_grpc, signing_key_pb2

from rookery_auth.model import SigningKey, SigningKeyState
from rookery_auth.service.signing_keys import SigningKeys

_STATES = {
    SigningKeyState.PENDING: signing_key_pb2.SIGNING_KEY_STATE_PENDING,
    SigningKeyState.ACTIVE: signing_key_pb2.SIGNING_KEY_STATE_ACTIVE,
    SigningKeyState.RETIRING: signing_key_pb2.SIGNING_KEY_STATE_RETIRING,
    SigningKeyState.RETIRED: signing_key_pb2.SIGNING_KEY_STATE_RETIRED,
}


class KeyRpc(key_service_pb2_grpc.KeyServiceServicer):
    """Serves KeyService."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    async def RotateSigningKey(
        self, request: key_service_pb2.RotateSigningKeyRequest, context: object
    ) -> key_service_pb2.RotateSigningKeyResponse:
        """Creates the next key."""
        key, state = await self._keys.rotate(compromised=request.compromised)
        return key_service_pb2.RotateSigningKeyResponse(signing_key=_encode(key, state))

    async def ListSigningKeys(
        self, request: key_service_pb2.ListSigningKeysRequest, context: object
    ) -> key_service_pb2.ListSigningKeysResponse:
        """Lists keys."""
        keys, more = await self._keys.list(request.page_size, request.page_token)
        return key_service_pb2.ListSigningKeysResponse(
            signing_keys=[_encode(key, state) for key, state in keys], next_page_token=more
        )


def _encode(key: SigningKey, state: SigningKeyState) -> signing_key_pb2.SigningKey:
    return signing_key_pb2.SigningKey(
        kid=key.kid,
        state=_STATES[state],
        create_time=key.create_time,
        activate_time=key.activate_time,
        retire_time=key.retire_time,
        expire_time=key.expire_time,
    )
