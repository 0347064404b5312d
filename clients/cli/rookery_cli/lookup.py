"""Finding what the user means by a name, an id or the beginning of an id."""

import re
from collections.abc import Sequence
from uuid import UUID

from rookery.registry.v1 import agent_pb2, agent_service_pb2, mcp_server_pb2, mcp_server_service_pb2
from rookery_sdk import Client, NotFound

from rookery_cli.hints import hint_for
from rookery_cli.paging import Extent, collect
from rookery_cli.refusal import Refused
from rookery_cli.suite import CALL_SECONDS

_PREFIX = re.compile(r"[0-9a-f][0-9a-f-]{3,34}")
_ALL = Extent(None)


async def find_agent(client: Client, key: str) -> agent_pb2.Agent:
    """The agent of this name, id or unique beginning of an id. Raises Refused."""
    if _is_uuid(key):
        return (
            await client.agents.GetAgent(agent_service_pb2.GetAgentRequest(agent_id=key), timeout=CALL_SECONDS)
        ).agent
    named = await client.agents.ListAgents(
        agent_service_pb2.ListAgentsRequest(name=key, page_size=1), timeout=CALL_SECONDS
    )
    if named.agents:
        return named.agents[0]

    async def fetch(size: int, token: str) -> tuple[Sequence[agent_pb2.Agent], str]:
        page = await client.agents.ListAgents(
            agent_service_pb2.ListAgentsRequest(page_size=size, page_token=token), timeout=CALL_SECONDS
        )
        return page.agents, page.next_page_token

    agents = (await collect(fetch, _ALL))[0] if _PREFIX.fullmatch(key) else []
    begun = [agent for agent in agents if agent.id.startswith(key)]
    return begun[_only([agent.name for agent in begun], key, "agent", "AGENT_NOT_FOUND")]


async def find_agent_id(client: Client, key: str) -> str:
    """The id of an agent that may be gone: one that is given whole is not looked up. Raises Refused."""
    return key if _is_uuid(key) else (await find_agent(client, key)).id


async def find_server(client: Client, key: str) -> mcp_server_pb2.McpServer:
    """The MCP server of this name, id or unique beginning of an id. Raises Refused."""
    request = mcp_server_service_pb2.GetMcpServerRequest()
    if _is_uuid(key):
        request.mcp_server_id = key
    else:
        request.name = key[:63]
    try:
        return (await client.servers.GetMcpServer(request, timeout=CALL_SECONDS)).mcp_server
    except NotFound:
        if not _PREFIX.fullmatch(key):
            raise

    async def fetch(size: int, token: str) -> tuple[Sequence[mcp_server_pb2.McpServer], str]:
        page = await client.servers.ListMcpServers(
            mcp_server_service_pb2.ListMcpServersRequest(page_size=size, page_token=token), timeout=CALL_SECONDS
        )
        return page.mcp_servers, page.next_page_token

    servers = (await collect(fetch, _ALL))[0]
    begun = [server for server in servers if server.id.startswith(key)]
    return begun[_only([server.name for server in begun], key, "MCP server", "MCP_SERVER_NOT_FOUND")]


def _only(names: list[str], key: str, kind: str, reason: str) -> int:
    """The index of the only one there is. Raises Refused when there is none, or more than one."""
    if len(names) > 1:
        raise Refused(
            f"{key!r} is the beginning of several ids: {', '.join(names)}", "AMBIGUOUS", "give more of the id"
        )
    if not names:
        raise Refused(f"there is no {kind} {key!r}", reason, hint_for(reason))
    return 0


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
