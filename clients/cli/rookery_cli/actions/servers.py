"""MCP servers."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from rookery.registry.v1 import mcp_server_pb2, mcp_server_service_pb2
from rookery_sdk import Client

from rookery_cli.documents import server_document
from rookery_cli.lookup import find_server
from rookery_cli.output import Column, Document, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago


def _place(server: Document) -> str:
    return server["url"] or shlex.join(server["command"])


_COLUMNS = (
    Column("NAME", lambda server: server["name"]),
    Column("USED", lambda server: "enabled" if server["enabled"] else "disabled", fixed=True),
    Column("TRANSPORT", lambda server: server["transport"], fixed=True),
    Column("COMMAND OR URL", _place),
    Column("DESCRIPTION", lambda server: server["description"]),
)
_FIELDS = (
    Column("name", lambda server: server["name"]),
    Column("id", lambda server: server["id"]),
    Column("used", lambda server: "enabled" if server["enabled"] else "disabled"),
    Column("description", lambda server: server["description"]),
    Column("transport", lambda server: server["transport"]),
    Column("command or url", _place),
    Column("environment", lambda server: ", ".join(server["env_names"] or ())),
    Column("folder", lambda server: server["cwd"]),
    Column("tenant", lambda server: server["tenant"]),
    Column("created", lambda server: ago(server["create_time"])),
)


@dataclass(frozen=True, slots=True)
class NewServer:
    """A server to register; `command` is empty for one that is reached by `url`."""

    name: str
    command: Sequence[str]
    url: str | None
    env: Mapping[str, str]
    cwd: str
    description: str
    disabled: bool

    def request(self) -> mcp_server_service_pb2.RegisterMcpServerRequest:
        """The request that registers it, once however often sent."""
        request = mcp_server_service_pb2.RegisterMcpServerRequest(
            request_id=str(uuid4()), name=self.name, description=self.description, disabled=self.disabled
        )
        if self.url is not None:
            request.streamable_http.url = self.url
        else:
            program, *arguments = self.command
            request.stdio.CopyFrom(
                mcp_server_pb2.StdioTransport(command=program, args=arguments, env=self.env, cwd=self.cwd)
            )
        return request


async def list_servers(client: Client, extent: Extent, output: Output) -> None:
    """Shows servers by name."""

    async def fetch(size: int, token: str) -> tuple[Sequence[mcp_server_pb2.McpServer], str]:
        page = await client.servers.ListMcpServers(
            mcp_server_service_pb2.ListMcpServersRequest(page_size=size, page_token=token), timeout=CALL_SECONDS
        )
        return page.mcp_servers, page.next_page_token

    servers, more = await collect(fetch, extent)
    output.listing("servers", [server_document(server) for server in servers], _COLUMNS, more=more)


async def show_server(client: Client, key: str, output: Output) -> None:
    """Shows one server."""
    output.one(server_document(await find_server(client, key)), _FIELDS)


async def register_server(client: Client, new: NewServer, output: Output) -> None:
    """Registers a server."""
    response = await client.servers.RegisterMcpServer(new.request(), timeout=CALL_SECONDS)
    server = response.mcp_server
    output.done(server_document(server), f"MCP server {server.name} ({server.id}) is registered")


async def delete_server(client: Client, key: str, output: Output) -> None:
    """Removes a server."""
    server = await find_server(client, key)
    request = mcp_server_service_pb2.DeleteMcpServerRequest(request_id=str(uuid4()), mcp_server_id=server.id)
    await client.servers.DeleteMcpServer(request, timeout=CALL_SECONDS)
    output.done(server_document(server), f"MCP server {server.name} ({server.id}) is deleted")
