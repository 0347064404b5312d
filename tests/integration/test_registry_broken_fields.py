"""Requests to the registry that break a rule of the contract: each is refused with the path of the field."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from harness.databases import FreshDatabase
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.registry_service import Registry, registry_settings, running_registry
from harness.tokens import TokenMint
from rookery.registry.v1 import agent_health_pb2, agent_pb2, agent_search_pb2, agent_watch_pb2, mcp_server_pb2
from rookery.registry.v1 import agent_service_pb2 as agents
from rookery.registry.v1 import mcp_server_service_pb2 as servers

SOMEONE = "0198c0de-0000-7000-8000-000000000000"
STDIO = mcp_server_pb2.StdioTransport(command="npx")


def config(value: Any) -> Struct:
    """A configuration that holds a value."""
    made = Struct()
    made["value"] = value
    return made


def nested(depth: int) -> Any:
    """A value of that many lists within each other."""
    return [nested(depth - 1)] if depth else 1


def skill(skill_id: str = "review", name: str = "Review", **fields: Any) -> agent_pb2.AgentSkill:
    """A skill, right unless the fields are wrong."""
    return agent_pb2.AgentSkill(id=skill_id, name=name, **fields)


BROKEN: tuple[tuple[str, Message, str], ...] = (
    ("RegisterAgent", agents.RegisterAgentRequest(name="Scribe"), "name"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", request_id="one"), "request_id"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", capabilities=["ok", "not ok"]), "capabilities[1]"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", capabilities=["a", "a"]), "capabilities"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", labels={"a": "b" * 257}), "labels['a']"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", labels={"a": "b\0c"}), "labels['a']"),
    (
        "RegisterAgent",
        agents.RegisterAgentRequest(name="scribe", lease_duration=timedelta(milliseconds=999)),
        "lease_duration",
    ),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", lease_duration=timedelta(hours=1)), "lease_duration"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", description="x" * 2001), "description"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", description="nul \0"), "description"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", type="Two words"), "type"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", version="x" * 65), "version"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", endpoint="nowhere"), "endpoint"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", skills=[skill("Review")]), "skills[0].id"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", skills=[skill(name="")]), "skills[0].name"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", skills=[skill(tags=["a", "a"])]), "skills[0].tags"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", skills=[skill(), skill()]), "skills"),
    (
        "RegisterAgent",
        agents.RegisterAgentRequest(name="scribe", skills=[skill(f"skill-{number}") for number in range(33)]),
        "skills",
    ),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", config=config("x" * 17_000)), "config"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", config=config(float("nan"))), "config"),
    ("RegisterAgent", agents.RegisterAgentRequest(name="scribe", config=config(nested(16))), "config"),
    (
        "RegisterAgent",
        agents.RegisterAgentRequest(name="scribe", config=config("a\0")),
        "config.fields['value'].string_value",
    ),
    ("GetAgent", agents.GetAgentRequest(agent_id="scribe"), "agent_id"),
    ("ListAgents", agents.ListAgentsRequest(page_size=1001), "page_size"),
    ("ListAgents", agents.ListAgentsRequest(page_size=-1), "page_size"),
    ("ListAgents", agents.ListAgentsRequest(page_token="x"), "page_token"),
    ("ListAgents", agents.ListAgentsRequest(status=7), "status"),  # type: ignore[arg-type]
    ("ListAgents", agents.ListAgentsRequest(name="\0"), "name"),
    ("ListAgents", agents.ListAgentsRequest(capability="bad cap!"), "capability"),
    ("ListAgents", agents.ListAgentsRequest(filter="name ="), "filter"),
    ("ListAgents", agents.ListAgentsRequest(filter="colour = red"), "filter"),
    ("ListAgents", agents.ListAgentsRequest(filter="x" * 2001), "filter"),
    ("FindAgents", agent_search_pb2.FindAgentsRequest(limit=101), "limit"),
    ("FindAgents", agent_search_pb2.FindAgentsRequest(limit=-1), "limit"),
    ("FindAgents", agent_search_pb2.FindAgentsRequest(capabilities=["a", ""]), "capabilities[1]"),
    ("FindAgents", agent_search_pb2.FindAgentsRequest(capabilities=["bad cap!"]), "capabilities[0]"),
    ("FindAgents", agent_search_pb2.FindAgentsRequest(filter="status = ASLEEP"), "filter"),
    ("FindAgents", agent_search_pb2.FindAgentsRequest(max_cost=-0.1), "max_cost"),
    ("UpdateAgent", agents.UpdateAgentRequest(agent_id=SOMEONE), "update_mask"),
    (
        "UpdateAgent",
        agents.UpdateAgentRequest(
            agent_id=SOMEONE, update_mask=FieldMask(paths=["config"]), config=config("x" * 17_000)
        ),
        "config",
    ),
    ("InstructAgent", agents.InstructAgentRequest(agent_id=SOMEONE), "instruction"),
    ("ListHealthMetrics", agent_health_pb2.ListHealthMetricsRequest(agent_id="scribe"), "agent_id"),
    ("WatchAgents", agent_watch_pb2.WatchAgentsRequest(after_revision=-1), "after_revision"),
    ("WatchAgents", agent_watch_pb2.WatchAgentsRequest(capability="bad cap!"), "capability"),
    ("UpdateAgent", agents.UpdateAgentRequest(agent_id=SOMEONE, update_mask=FieldMask()), "update_mask"),
    ("UpdateAgent", agents.UpdateAgentRequest(agent_id=SOMEONE, update_mask=FieldMask(paths=["name"])), "update_mask"),
    (
        "UpdateAgent",
        agents.UpdateAgentRequest(agent_id=SOMEONE, update_mask=FieldMask(paths=["labels.zone"])),
        "update_mask",
    ),
    ("DeregisterAgent", agents.DeregisterAgentRequest(), "agent_id"),
    ("Heartbeat", agents.HeartbeatRequest(), "session_epoch"),
    ("RegisterMcpServer", servers.RegisterMcpServerRequest(name="two words", stdio=STDIO), "name"),
    ("RegisterMcpServer", servers.RegisterMcpServerRequest(name="files"), "transport"),
    (
        "RegisterMcpServer",
        servers.RegisterMcpServerRequest(name="files", stdio=mcp_server_pb2.StdioTransport()),
        "stdio.command",
    ),
    (
        "RegisterMcpServer",
        servers.RegisterMcpServerRequest(name="a", stdio=mcp_server_pb2.StdioTransport(command="a", env={"A=": "b"})),
        "stdio.env['A=']",
    ),
    (
        "RegisterMcpServer",
        servers.RegisterMcpServerRequest(name="a", stdio=mcp_server_pb2.StdioTransport(command="a", args=["b", "c\0"])),
        "stdio.args[1]",
    ),
    (
        "RegisterMcpServer",
        servers.RegisterMcpServerRequest(
            name="a", stdio=mcp_server_pb2.StdioTransport(command="a", args=["\N{BIRD}" * 4096] * 64)
        ),
        "stdio",
    ),
    (
        "RegisterMcpServer",
        servers.RegisterMcpServerRequest(
            name="a", streamable_http=mcp_server_pb2.StreamableHttpTransport(url="file:///etc/passwd")
        ),
        "streamable_http.url",
    ),
    ("GetMcpServer", servers.GetMcpServerRequest(), "key"),
    ("GetMcpServer", servers.GetMcpServerRequest(mcp_server_id="files"), "mcp_server_id"),
    ("ListMcpServers", servers.ListMcpServersRequest(page_token="x" * 513), "page_token"),
    ("DeleteMcpServer", servers.DeleteMcpServerRequest(mcp_server_id="files"), "mcp_server_id"),
)


@pytest.fixture
async def registry(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Registry]:
    async with running_registry(registry_settings(fresh_database, nats_server), TokenMint()) as running:
        yield running


async def test_a_broken_field_is_named_by_its_path(registry: Registry) -> None:
    metadata = registry.mint.bearer(subject=f"agent:{SOMEONE}")
    for name, request, path in BROKEN:
        stub: Any = registry.servers if hasattr(registry.servers, name) else registry.agents
        if name == "Heartbeat":
            answer = stub.Heartbeat(iter([request]), metadata=metadata).read()
        else:
            answer = getattr(stub, name)(request, metadata=metadata)
        refused = await refusal(answer.read() if name == "WatchAgents" else answer)
        assert refused.code == grpc.StatusCode.INVALID_ARGUMENT, (name, path, refused)
        assert refused.reason in {"INVALID_FIELD", "INVALID_PAGE_TOKEN", "INVALID_FILTER"}
        assert path in refused.fields, (name, refused)
