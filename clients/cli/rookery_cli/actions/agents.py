"""Agents."""

import json
from collections.abc import Mapping, Sequence
from uuid import uuid4

from rookery.registry.v1 import agent_pb2, agent_search_pb2, agent_service_pb2
from rookery_sdk import Client

from rookery_cli.documents import agent_document, match_document
from rookery_cli.lookup import find_agent
from rookery_cli.output import Column, Document, Output
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
_MATCH_COLUMNS = (
    Column("NAME", lambda match: match["agent"]["name"]),
    Column("COST", lambda match: f"{match['cost']:.2f}", fixed=True),
    Column("IN FLIGHT", lambda match: _load(match, "in_flight")),
    Column("CAPACITY", lambda match: _load(match, "capacity")),
    Column("ERRORS", lambda match: _load(match, "error_rate", "{:.1%}")),
    Column("MEAN", lambda match: _load(match, "mean_response_ms", "{:.0f} ms")),
    Column("CAPABILITIES", lambda match: ", ".join(match["agent"]["capabilities"])),
    Column("ID", lambda match: match["agent"]["id"], fixed=True),
)
_FIELDS = (
    Column("name", lambda agent: agent["name"]),
    Column("id", lambda agent: agent["id"]),
    Column("status", lambda agent: agent["status"]),
    Column("draining", lambda agent: "yes, until `rookery agents resume`" if agent["draining"] else ""),
    Column("type", lambda agent: agent["type"]),
    Column("version", lambda agent: agent["version"]),
    Column("description", lambda agent: agent["description"]),
    Column("capabilities", lambda agent: ", ".join(agent["capabilities"])),
    Column("skills", lambda agent: "\n".join(f"{skill['id']}: {skill['name']}" for skill in agent["skills"])),
    Column("endpoint", lambda agent: agent["endpoint"]),
    Column("config", lambda agent: json.dumps(agent["config"]) if agent["config"] else ""),
    Column("labels", lambda agent: ", ".join(f"{key}={value}" for key, value in agent["labels"].items())),
    Column("tenant", lambda agent: agent["tenant"]),
    Column("session", lambda agent: agent["session_epoch"]),
    Column("lease", lambda agent: f"{agent['lease_seconds']:g}s"),
    Column("lease ends", lambda agent: ago(agent["lease_expire_time"])),
    Column("created", lambda agent: ago(agent["create_time"])),
    Column("updated", lambda agent: ago(agent["update_time"])),
)


def listing_of(capability: str, status: str, filter_: str) -> agent_service_pb2.ListAgentsRequest:
    """A listing; empty and UNSPECIFIED ask for any."""
    return agent_service_pb2.ListAgentsRequest(capability=capability, status=f"AGENT_STATUS_{status}", filter=filter_)


async def list_agents(
    client: Client, wanted: agent_service_pb2.ListAgentsRequest, extent: Extent, output: Output
) -> None:
    """Shows agents by name."""

    async def fetch(size: int, token: str) -> tuple[Sequence[agent_pb2.Agent], str]:
        request = agent_service_pb2.ListAgentsRequest(page_size=size, page_token=token)
        request.MergeFrom(wanted)
        page = await client.agents.ListAgents(request, timeout=CALL_SECONDS)
        return page.agents, page.next_page_token

    agents, more = await collect(fetch, extent)
    output.listing("agents", [agent_document(agent) for agent in agents], _COLUMNS, more=more)


def search_of(
    capabilities: Sequence[str], labels: Mapping[str, str], filter_: str, limit: int
) -> agent_search_pb2.FindAgentsRequest:
    """A search for the best agents."""
    return agent_search_pb2.FindAgentsRequest(capabilities=capabilities, labels=labels, filter=filter_, limit=limit)


async def find_agents(client: Client, request: agent_search_pb2.FindAgentsRequest, output: Output) -> None:
    """Shows the agents that fit, best first."""
    answer = await client.agents.FindAgents(request, timeout=CALL_SECONDS)
    output.listing("matches", [match_document(match) for match in answer.matches], _MATCH_COLUMNS, more=False)


async def show_agent(client: Client, key: str, output: Output) -> None:
    """Shows one agent."""
    output.one(agent_document(await find_agent(client, key)), _FIELDS)


async def instruct_agent(client: Client, key: str, instruction: str, output: Output) -> None:
    """Tells an agent what to do."""
    agent = await find_agent(client, key)
    request = agent_service_pb2.InstructAgentRequest(
        request_id=str(uuid4()), agent_id=agent.id, instruction=f"AGENT_INSTRUCTION_{instruction}"
    )
    answer = await client.agents.InstructAgent(request, timeout=CALL_SECONDS)
    state = "drains" if answer.agent.draining else "takes tasks"
    output.done(agent_document(answer.agent), f"agent {agent.name} ({agent.id}) {state}")


async def deregister_agent(client: Client, key: str, output: Output) -> None:
    """Removes an agent."""
    agent = await find_agent(client, key)
    request = agent_service_pb2.DeregisterAgentRequest(request_id=str(uuid4()), agent_id=agent.id)
    await client.agents.DeregisterAgent(request, timeout=CALL_SECONDS)
    output.done(agent_document(agent), f"agent {agent.name} ({agent.id}) is deregistered")


def _load(match: Document, figure: str, shape: str = "{}") -> str:
    """A figure of what the agent has reported; empty where it has not."""
    return shape.format(match["load"][figure]) if match["load"] else ""
