"""TenantService as one caller."""

import grpc
from rookery.auth.v1 import tenant_pb2, tenant_service_pb2, tenant_service_pb2_grpc, token_service_pb2
from rookery.auth.v1.token_service_pb2_grpc import TokenServiceStub

Bearer = tuple[tuple[str, str], ...]


class Tenants:
    """Its requests by field."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Bearer) -> None:
        self._stub = tenant_service_pb2_grpc.TenantServiceStub(channel)
        self._metadata = metadata

    async def create(self, tenant_id: str, **fields: object) -> tenant_service_pb2.CreateTenantResponse:
        """Creates one."""
        request = tenant_service_pb2.CreateTenantRequest(tenant_id=tenant_id, **fields)  # type: ignore[arg-type]
        return await self._stub.CreateTenant(request, metadata=self._metadata)

    async def get(self, tenant_id: str) -> tenant_pb2.Tenant:
        """One."""
        request = tenant_service_pb2.GetTenantRequest(tenant_id=tenant_id)
        return (await self._stub.GetTenant(request, metadata=self._metadata)).tenant

    async def list(self, **fields: object) -> tenant_service_pb2.ListTenantsResponse:
        """A page."""
        request = tenant_service_pb2.ListTenantsRequest(**fields)  # type: ignore[arg-type]
        return await self._stub.ListTenants(request, metadata=self._metadata)

    async def update(self, tenant_id: str, *paths: str, **fields: object) -> tenant_pb2.Tenant:
        """Changes what the paths name."""
        request = tenant_service_pb2.UpdateTenantRequest(tenant_id=tenant_id, **fields)  # type: ignore[arg-type]
        request.update_mask.paths.extend(paths)
        return (await self._stub.UpdateTenant(request, metadata=self._metadata)).tenant

    async def suspend(self, tenant_id: str) -> tenant_pb2.Tenant:
        """Suspends one."""
        request = tenant_service_pb2.SuspendTenantRequest(tenant_id=tenant_id)
        return (await self._stub.SuspendTenant(request, metadata=self._metadata)).tenant

    async def resume(self, tenant_id: str) -> tenant_pb2.Tenant:
        """Resumes one."""
        request = tenant_service_pb2.ResumeTenantRequest(tenant_id=tenant_id)
        return (await self._stub.ResumeTenant(request, metadata=self._metadata)).tenant

    async def delete(self, tenant_id: str, etag: str = "") -> tenant_pb2.Tenant:
        """Deletes one."""
        request = tenant_service_pb2.DeleteTenantRequest(tenant_id=tenant_id, etag=etag)
        return (await self._stub.DeleteTenant(request, metadata=self._metadata)).tenant


async def token_for(channel: grpc.aio.Channel, api_key: str) -> Bearer:
    """The metadata of a call by the holder of an API key."""
    answer = await TokenServiceStub(channel).IssueToken(token_service_pb2.IssueTokenRequest(api_key=api_key))
    return (("authorization", f"Bearer {answer.token_set.access_token}"),)
