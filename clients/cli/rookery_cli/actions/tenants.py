"""Tenants."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from rookery.auth.v1 import tenant_pb2, tenant_service_pb2
from rookery_sdk import Client

from rookery_cli.output import Column, Document, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago, rfc3339

QUOTAS = tuple(field.name for field in tenant_pb2.Quotas.DESCRIPTOR.fields)
_STATE = "TENANT_STATE_"
_POLL_SECONDS = 0.5


def _limits(tenant: Document) -> str:
    return ", ".join(f"{name}={limit}" for name, limit in tenant["quotas"].items() if limit)


_COLUMNS = (
    Column("ID", lambda tenant: tenant["id"], fixed=True),
    Column("STATE", lambda tenant: tenant["state"], fixed=True),
    Column("NAME", lambda tenant: tenant["display_name"]),
    Column("QUOTAS", _limits),
    Column("CREATED", lambda tenant: ago(tenant["create_time"])),
)
_FIELDS = (
    Column("id", lambda tenant: tenant["id"]),
    Column("name", lambda tenant: tenant["display_name"]),
    Column("state", lambda tenant: tenant["state"]),
    Column("quotas", _limits),
    Column("still erasing", lambda tenant: ", ".join(tenant["erasing_services"])),
    Column("etag", lambda tenant: tenant["etag"]),
    Column("created", lambda tenant: ago(tenant["create_time"])),
    Column("updated", lambda tenant: ago(tenant["update_time"])),
)


def tenant_document(tenant: tenant_pb2.Tenant) -> dict[str, Any]:
    """A tenant, with every quota."""
    return {
        "id": tenant.id,
        "display_name": tenant.display_name,
        "state": tenant_pb2.TenantState.Name(tenant.state).removeprefix(_STATE),
        "quotas": {name: getattr(tenant.quotas, name) for name in QUOTAS},
        "etag": tenant.etag,
        "create_time": rfc3339(tenant.create_time),
        "update_time": rfc3339(tenant.update_time),
        "erasing_services": list(tenant.erasing_services),
    }


async def list_tenants(client: Client, state: str, extent: Extent, output: Output) -> None:
    """Shows tenants by id."""
    wanted = f"{_STATE}{state or 'UNSPECIFIED'}"

    async def fetch(size: int, token: str) -> tuple[Sequence[tenant_pb2.Tenant], str]:
        request = tenant_service_pb2.ListTenantsRequest(page_size=size, page_token=token, state=wanted)
        page = await client.tenants.ListTenants(request, timeout=CALL_SECONDS)
        return page.tenants, page.next_page_token

    tenants, more = await collect(fetch, extent)
    output.listing("tenants", [tenant_document(tenant) for tenant in tenants], _COLUMNS, more=more)


async def show_tenant(client: Client, tenant_id: str, output: Output) -> None:
    """Shows one tenant."""
    output.one(tenant_document(await _tenant(client, tenant_id)), _FIELDS)


async def create_tenant(
    client: Client, tenant_id: str, display_name: str, quotas: Mapping[str, int], output: Output
) -> None:
    """Creates a tenant and shows its administrator's API key, once."""
    request = tenant_service_pb2.CreateTenantRequest(
        request_id=str(uuid4()), tenant_id=tenant_id, display_name=display_name, quotas=tenant_pb2.Quotas(**quotas)
    )
    response = await client.tenants.CreateTenant(request, timeout=CALL_SECONDS)
    secret = response.administrator_secret
    if output.as_json:
        output.json({**tenant_document(response.tenant), "administrator_secret": secret})
        return
    output.note(f"tenant {tenant_id} is created; this API key of its administrator is shown once:")
    output.line(secret)


async def update_tenant(
    client: Client, tenant_id: str, display_name: str | None, quotas: Mapping[str, int], output: Output
) -> None:
    """Changes the name, and those of the quotas that are named."""
    tenant = await _tenant(client, tenant_id)
    request = tenant_service_pb2.UpdateTenantRequest(request_id=str(uuid4()), tenant_id=tenant_id, etag=tenant.etag)
    if display_name is not None:
        request.update_mask.paths.append("display_name")
        request.display_name = display_name
    if quotas:
        request.update_mask.paths.append("quotas")
        request.quotas.CopyFrom(tenant.quotas)
        for name, limit in quotas.items():
            setattr(request.quotas, name, limit)
    response = await client.tenants.UpdateTenant(request, timeout=CALL_SECONDS)
    output.done(tenant_document(response.tenant), f"tenant {tenant_id} is updated")


async def suspend_tenant(client: Client, tenant_id: str, output: Output) -> None:
    """Suspends a tenant."""
    request = tenant_service_pb2.SuspendTenantRequest(request_id=str(uuid4()), tenant_id=tenant_id)
    response = await client.tenants.SuspendTenant(request, timeout=CALL_SECONDS)
    output.done(tenant_document(response.tenant), f"tenant {tenant_id} is suspended")


async def resume_tenant(client: Client, tenant_id: str, output: Output) -> None:
    """Serves a tenant again."""
    request = tenant_service_pb2.ResumeTenantRequest(request_id=str(uuid4()), tenant_id=tenant_id)
    response = await client.tenants.ResumeTenant(request, timeout=CALL_SECONDS)
    output.done(tenant_document(response.tenant), f"tenant {tenant_id} is served again")


async def delete_tenant(client: Client, tenant_id: str, output: Output, *, wait: bool) -> None:
    """Deletes a tenant; with `wait` tells which services are erasing it and ends when none is."""
    request = tenant_service_pb2.DeleteTenantRequest(request_id=str(uuid4()), tenant_id=tenant_id)
    tenant = (await client.tenants.DeleteTenant(request, timeout=CALL_SECONDS)).tenant
    told: tuple[str, ...] | None = None
    while wait and tenant.state != tenant_pb2.TENANT_STATE_DELETED:
        erasing = tuple(tenant.erasing_services)
        if erasing != told and not output.as_json:
            output.note(f"erasing: {', '.join(erasing)}" if erasing else "settling what was under way")
        told = erasing
        await asyncio.sleep(_POLL_SECONDS)
        tenant = await _tenant(client, tenant_id)
    ended = tenant.state == tenant_pb2.TENANT_STATE_DELETED
    sentence = f"tenant {tenant_id} is erased" if ended else f"tenant {tenant_id} is being erased"
    output.done(tenant_document(tenant), sentence)


async def _tenant(client: Client, tenant_id: str) -> tenant_pb2.Tenant:
    request = tenant_service_pb2.GetTenantRequest(tenant_id=tenant_id)
    return (await client.tenants.GetTenant(request, timeout=CALL_SECONDS)).tenant
