"""Agents."""

from collections.abc import Sequence
from uuid import uuid4

from rookery.registry.v1 import agent_pb2, agent_service_pb2
from rookery_sdk import Client

from rookery_cli.documents import agent_document
from rookery_cli.lookup import find_agent
from rookery_cli.output import Column, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago

_COLUMNS = (
    Column("NAME", lambda agent: agent["name"]),
    Column("STATUS", lambda agent: agent["status"], fixed=True),
    Column("CAPABILITIES", lambda agent: ", ".join(agent["capabilities"])),
    Column("LEASE ENDS", lambda agent: ago(agent["lease_expire_time"])),
    Column("ID", lambda agent: agent["id"], fixed=True),
)
_FIELDS = (
    Column("name", lambda agent: agent["name"]),
    Column("id", lambda agent: agent["id"]),
    Column("status", lambda agent: agent["status"]),
    Column("description", lambda agent: agent["description"]),
    Column("capabilities", lambda agent: ", ".join(agent["capabilities"])),
    Column("labels", lambda agent: ", ".join(f"{key}={value}" for key, value in agent["labels"].items())),
    Column("tenant", lambda agent: agent["tenant"]),
    Column("session", lambda agent: agent["session_epoch"]),
    Column("lease", lambda agent: f"{agent['lease_seconds']:g}s"),
    Column("lease ends", lambda agent: ago(agent["lease_expire_time"])),
    Column("created", lambda agent: ago(agent["create_time"])),
    Column("updated", lambda agent: ago(agent["update_time"])),
)


async def list_agents(client: Client, capability: str, status: str, extent: Extent, output: Output) -> None:
    """Shows agents by name."""
    wanted = f"AGENT_STATUS_{status or 'UNSPECIFIED'}"

    async def fetch(size: int, token: str) -> tuple[Sequence[agent_pb2.Agent], str]:
        page = await client.agents.ListAgents(
            agent_service_pb2.ListAgentsRequest(page_size=size, page_token=token, capability=capability, status=wanted),
            timeout=CALL_SECONDS,
        )
        return page.agents, page.next_page_token

    agents, more = await collect(fetch, extent)
    output.listing("agents", [agent_document(agent) for agent in agents], _COLUMNS, more=more)


async def show_agent(client: Client, key: str, output: Output) -> None:
    """Shows one agent."""
    output.one(agent_document(await find_agent(client, key)), _FIELDS)


async def deregister_agent(client: Client, key: str, output: Output) -> None:
    """Removes an agent."""
    agent = await find_agent(client, key)
    request = agent_service_pb2.DeregisterAgentRequest(request_id=str(uuid4()), agent_id=agent.id)
    await client.agents.DeregisterAgent(request, timeout=CALL_SECONDS)
    output.done(agent_document(agent), f"agent {agent.name} ({agent.id}) is deregistered")
