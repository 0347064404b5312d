from collections.abc import AsyncIterator
from uuid import uuid4

import grpc
import pytest
from harness.databases import FreshDatabase
from harness.event_log import EventLog
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.registry_service import Registry, registry_settings, running_registry
from harness.tokens import TokenMint
from rookery.events.v1 import mcp_server_event_pb2
from rookery.registry.v1 import mcp_server_pb2
from rookery.registry.v1 import mcp_server_service_pb2 as service
from rookery_kit.bus import Bus

STDIO = mcp_server_pb2.StdioTransport(
    command="npx", args=["-y", "server-files", ""], env={"ROOT": "/data", "EMPTY": ""}, cwd="/srv"
)
HTTP = mcp_server_pb2.StreamableHttpTransport(url="https://tools.example.com/mcp")


@pytest.fixture
async def registry(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Registry]:
    async with running_registry(registry_settings(fresh_database, nats_server), TokenMint()) as running:
        yield running


async def register(registry: Registry, name: str, **fields: object) -> mcp_server_pb2.McpServer:
    fields = fields or {"stdio": STDIO}
    request = service.RegisterMcpServerRequest(name=name, **fields)  # type: ignore[arg-type]
    return (await registry.servers.RegisterMcpServer(request, metadata=registry.admin())).mcp_server


async def delete(registry: Registry, server_id: str, request_id: str = "") -> None:
    request = service.DeleteMcpServerRequest(mcp_server_id=server_id, request_id=request_id)
    await registry.servers.DeleteMcpServer(request, metadata=registry.admin())


@pytest.mark.capability("R4")
async def test_a_server_is_found_by_id_and_by_name_as_it_was_registered(registry: Registry) -> None:
    files = await register(registry, "files", description="reads files", stdio=STDIO)
    search = await register(registry, "search", streamable_http=HTTP, disabled=True)
    assert (files.name, files.description, files.tenant, files.stdio) == ("files", "reads files", "default", STDIO)
    assert (files.enabled, search.enabled) == (True, False)
    assert search.streamable_http == HTTP
    assert files.etag != search.etag
    for server in (files, search):
        for request in (
            service.GetMcpServerRequest(mcp_server_id=server.id),
            service.GetMcpServerRequest(name=server.name),
        ):
            answer = await registry.servers.GetMcpServer(request, metadata=registry.admin())
            assert answer.mcp_server == server


@pytest.mark.capability("R4")
async def test_servers_are_listed_by_name_in_pages(registry: Registry) -> None:
    registered = [await register(registry, name) for name in ("c", "a", "b")]
    request = service.ListMcpServersRequest(page_size=2)
    first = await registry.servers.ListMcpServers(request, metadata=registry.admin())
    request.page_token = first.next_page_token
    last = await registry.servers.ListMcpServers(request, metadata=registry.admin())
    assert last.next_page_token == ""
    assert [*first.mcp_servers, *last.mcp_servers] == sorted(registered, key=lambda server: server.name)


async def test_a_name_is_taken_until_its_server_is_deleted(registry: Registry) -> None:
    first = await register(registry, "files")
    refused = await refusal(register(registry, "files"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "MCP_SERVER_EXISTS")
    await delete(registry, first.id)
    refused = await refusal(delete(registry, first.id))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "MCP_SERVER_NOT_FOUND")
    assert (await register(registry, "files")).id != first.id


async def test_the_same_request_id_registers_and_deletes_once(registry: Registry) -> None:
    creation, removal = str(uuid4()), str(uuid4())
    server = await register(registry, "files", stdio=STDIO, request_id=creation)
    assert await register(registry, "files", stdio=STDIO, request_id=creation) == server
    refused = await refusal(register(registry, "files", streamable_http=HTTP, request_id=creation))
    assert refused.reason == "REQUEST_ID_REUSED"
    for _ in range(2):
        await delete(registry, server.id, removal)


async def test_every_change_is_told_with_the_whole_server_and_a_rising_revision(registry: Registry, bus: Bus) -> None:
    subject = "rk.*.event.mcp_server.*"
    async with EventLog.following(bus, subject, mcp_server_event_pb2.McpServerChanged) as log:
        server = await register(registry, "files")
        await delete(registry, server.id)
        await eventually(lambda: len(log.events) == 2)
    created, removed = (event.message for event in log.events)
    assert created.change == mcp_server_event_pb2.MCP_SERVER_CHANGE_REGISTERED
    assert removed.change == mcp_server_event_pb2.MCP_SERVER_CHANGE_DELETED
    assert created.mcp_server == removed.mcp_server == server
    assert removed.revision > created.revision
    assert {event.subject for event in log.events} == {f"rk.default.event.mcp_server.{server.id}"}
    assert log.events[0].message_id == f"mcp_server-{server.id}-{created.revision}"
