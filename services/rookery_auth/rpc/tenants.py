"""TenantService."""

from rookery.auth.v1 import tenant_pb2, tenant_service_pb2, tenant_service_pb2_grpc
from rookery_kit.identity_feed import Quotas
from rookery_kit.rpc import Call

from rookery_auth.model import Tenant, TenantLife
from rookery_auth.service.tenants import CreateTenant, Tenants, UpdateTenant

_STATE = "TENANT_STATE_"


class TenantRpc(tenant_service_pb2_grpc.TenantServiceServicer):
    """Serves TenantService."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    async def CreateTenant(
        self, request: tenant_service_pb2.CreateTenantRequest, context: object
    ) -> tenant_service_pb2.CreateTenantResponse:
        """Creates a tenant."""
        command = CreateTenant(request.request_id, request.tenant_id, request.display_name, _quotas(request.quotas))
        tenant, secret = await self._tenants.create(Call.of(context).principal, command)
        return tenant_service_pb2.CreateTenantResponse(tenant=_encode(tenant), administrator_secret=secret)

    async def GetTenant(
        self, request: tenant_service_pb2.GetTenantRequest, context: object
    ) -> tenant_service_pb2.GetTenantResponse:
        """Answers one tenant."""
        return tenant_service_pb2.GetTenantResponse(tenant=_encode(await self._tenants.get(request.tenant_id)))

    async def ListTenants(
        self, request: tenant_service_pb2.ListTenantsRequest, context: object
    ) -> tenant_service_pb2.ListTenantsResponse:
        """Lists tenants."""
        name = tenant_pb2.TenantState.Name(request.state).removeprefix(_STATE)
        life = None if request.state == tenant_pb2.TENANT_STATE_UNSPECIFIED else TenantLife(name)
        tenants, token = await self._tenants.page(request.page_size, request.page_token, life)
        encoded = [_encode(tenant) for tenant in tenants]
        return tenant_service_pb2.ListTenantsResponse(tenants=encoded, next_page_token=token)

    async def UpdateTenant(
        self, request: tenant_service_pb2.UpdateTenantRequest, context: object
    ) -> tenant_service_pb2.UpdateTenantResponse:
        """Changes a tenant."""
        mask = request.update_mask.paths
        command = UpdateTenant(
            tenant=request.tenant_id,
            etag=request.etag,
            display_name=request.display_name if "display_name" in mask else None,
            quotas=_quotas(request.quotas) if "quotas" in mask else None,
        )
        return tenant_service_pb2.UpdateTenantResponse(tenant=_encode(await self._tenants.update(command)))

    async def SuspendTenant(
        self, request: tenant_service_pb2.SuspendTenantRequest, context: object
    ) -> tenant_service_pb2.SuspendTenantResponse:
        """Suspends a tenant."""
        return tenant_service_pb2.SuspendTenantResponse(tenant=_encode(await self._tenants.suspend(request.tenant_id)))

    async def ResumeTenant(
        self, request: tenant_service_pb2.ResumeTenantRequest, context: object
    ) -> tenant_service_pb2.ResumeTenantResponse:
        """Serves a tenant again."""
        return tenant_service_pb2.ResumeTenantResponse(tenant=_encode(await self._tenants.resume(request.tenant_id)))

    async def DeleteTenant(
        self, request: tenant_service_pb2.DeleteTenantRequest, context: object
    ) -> tenant_service_pb2.DeleteTenantResponse:
        """Begins to erase a tenant."""
        tenant = await self._tenants.delete(request.tenant_id, request.etag)
        return tenant_service_pb2.DeleteTenantResponse(tenant=_encode(tenant))


def _quotas(quotas: tenant_pb2.Quotas) -> Quotas:
    return Quotas(
        requests_per_second=quotas.requests_per_second,
        max_agents=quotas.max_agents,
        max_api_keys=quotas.max_api_keys,
        max_mailbox_messages=quotas.max_mailbox_messages,
        max_mailbox_bytes=quotas.max_mailbox_bytes,
    )


def _encode(tenant: Tenant) -> tenant_pb2.Tenant:
    quotas = tenant.quotas
    return tenant_pb2.Tenant(
        id=tenant.id,
        display_name=tenant.display_name,
        state=f"{_STATE}{tenant.life.value}",
        quotas=tenant_pb2.Quotas(
            requests_per_second=quotas.requests_per_second,
            max_agents=quotas.max_agents,
            max_api_keys=quotas.max_api_keys,
            max_mailbox_messages=quotas.max_mailbox_messages,
            max_mailbox_bytes=quotas.max_mailbox_bytes,
        ),
        etag=tenant.etag,
        create_time=tenant.create_time,
        update_time=tenant.update_time,
        erasing_services=tenant.erasing_services,
    )
