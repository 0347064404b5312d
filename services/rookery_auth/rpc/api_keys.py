"""ApiKeyService."""

from rookery.auth.v1 import api_key_pb2, api_key_service_pb2, api_key_service_pb2_grpc
from rookery_kit.rpc import Call
from rookery_kit.rpc.times import length_in

from rookery_auth.model import ApiKey
from rookery_auth.service.api_keys import ApiKeys, CreateApiKey


class ApiKeyRpc(api_key_service_pb2_grpc.ApiKeyServiceServicer):
    """Serves ApiKeyService."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys

    async def CreateApiKey(
        self, request: api_key_service_pb2.CreateApiKeyRequest, context: object
    ) -> api_key_service_pb2.CreateApiKeyResponse:
        """Creates a key."""
        command = CreateApiKey(
            request_id=request.request_id,
            display_name=request.display_name,
            subject=request.subject,
            roles=tuple(request.roles),
            scopes=tuple(request.scopes),
            requests_per_second=request.requests_per_second,
            ttl=length_in(request, "ttl"),
        )
        key, secret = await self._keys.create(Call.of(context).principal, command)
        return api_key_service_pb2.CreateApiKeyResponse(api_key=_encode(key), secret=secret)

    async def ListApiKeys(
        self, request: api_key_service_pb2.ListApiKeysRequest, context: object
    ) -> api_key_service_pb2.ListApiKeysResponse:
        """Lists keys."""
        keys, more = await self._keys.list(
            Call.of(context).principal.tenant, request.subject, request.page_size, request.page_token
        )
        return api_key_service_pb2.ListApiKeysResponse(api_keys=[_encode(key) for key in keys], next_page_token=more)

    async def GetApiKey(
        self, request: api_key_service_pb2.GetApiKeyRequest, context: object
    ) -> api_key_service_pb2.GetApiKeyResponse:
        """Answers one key."""
        key = await self._keys.get(Call.of(context).principal.tenant, request.api_key_id)
        return api_key_service_pb2.GetApiKeyResponse(api_key=_encode(key))

    async def RotateApiKey(
        self, request: api_key_service_pb2.RotateApiKeyRequest, context: object
    ) -> api_key_service_pb2.RotateApiKeyResponse:
        """Replaces a key's secret."""
        overlap = length_in(request, "overlap")
        key, secret = await self._keys.rotate(
            Call.of(context).principal, request.api_key_id, request.request_id, overlap
        )
        return api_key_service_pb2.RotateApiKeyResponse(api_key=_encode(key), secret=secret)

    async def RevokeApiKey(
        self, request: api_key_service_pb2.RevokeApiKeyRequest, context: object
    ) -> api_key_service_pb2.RevokeApiKeyResponse:
        """Ends a key."""
        key = await self._keys.revoke(Call.of(context).principal.tenant, request.api_key_id)
        return api_key_service_pb2.RevokeApiKeyResponse(api_key=_encode(key))


def _encode(key: ApiKey) -> api_key_pb2.ApiKey:
    return api_key_pb2.ApiKey(
        id=key.id,
        display_name=key.display_name,
        subject=key.subject,
        roles=key.roles,
        scopes=key.scopes,
        requests_per_second=key.requests_per_second,
        create_time=key.create_time,
        expire_time=key.expire_time,
        last_use_time=key.last_use_time,
        revoke_time=key.revoke_time,
        generation=key.generation,
        previous_expire_time=key.previous_expire_time,
        creator=key.creator,
    )
