from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from harness.databases import FreshDatabase
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.registry_service import Registry, registry_settings, running_registry
from harness.tokens import Bearer, TokenMint
from rookery.registry.v1 import agent_health_pb2, agent_search_pb2, agent_watch_pb2, mcp_server_pb2
from rookery.registry.v1 import agent_service_pb2 as agents
from rookery.registry.v1 import mcp_server_service_pb2 as servers
from rookery_kit.postgres import PageToken
from rookery_kit.rpc.policy import method_policies

SOMEONE = "0198c0de-0000-7000-8000-000000000000"
STDIO = mcp_server_pb2.StdioTransport(command="npx")
MASK = FieldMask(paths=["description"])


@dataclass(frozen=True)
class Method:
    service: str
    name: str
    request: Message

    @property
    def permission(self) -> str | None:
        return method_policies(f"rookery.registry.v1.{self.service}")[self.name].permission

    async def call(self, registry: Registry, metadata: Bearer | None, request: Message | None = None) -> object:
        """The first answer."""
        stub: Any = registry.agents if self.service == "AgentService" else registry.servers
        if self.name == "Heartbeat":
            return await stub.Heartbeat(iter([request or self.request]), metadata=metadata).read()
        answer = getattr(stub, self.name)(request or self.request, metadata=metadata)
        return await (answer.read() if self.name == "WatchAgents" else answer)


METHODS = (
    Method("AgentService", "RegisterAgent", agents.RegisterAgentRequest(name="scribe")),
    Method("AgentService", "GetAgent", agents.GetAgentRequest(agent_id=SOMEONE)),
    Method("AgentService", "ListAgents", agents.ListAgentsRequest()),
    Method("AgentService", "FindAgents", agent_search_pb2.FindAgentsRequest()),
    Method("AgentService", "UpdateAgent", agents.UpdateAgentRequest(agent_id=SOMEONE, update_mask=MASK)),
    Method("AgentService", "DeregisterAgent", agents.DeregisterAgentRequest(agent_id=SOMEONE)),
    Method("AgentService", "Heartbeat", agents.HeartbeatRequest(session_epoch=1)),
    Method(
        "AgentService",
        "InstructAgent",
        agents.InstructAgentRequest(agent_id=SOMEONE, instruction=agents.AGENT_INSTRUCTION_DRAIN),
    ),
    Method("AgentService", "ListHealthMetrics", agent_health_pb2.ListHealthMetricsRequest(agent_id=SOMEONE)),
    Method("AgentService", "WatchAgents", agent_watch_pb2.WatchAgentsRequest()),
    Method("McpServerService", "RegisterMcpServer", servers.RegisterMcpServerRequest(name="files", stdio=STDIO)),
    Method("McpServerService", "GetMcpServer", servers.GetMcpServerRequest(mcp_server_id=SOMEONE)),
    Method("McpServerService", "ListMcpServers", servers.ListMcpServersRequest()),
    Method("McpServerService", "DeleteMcpServer", servers.DeleteMcpServerRequest(mcp_server_id=SOMEONE)),
)
BY_NAME = {method.name: method for method in METHODS}


@pytest.fixture
async def registry(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Registry]:
    async with running_registry(registry_settings(fresh_database, nats_server), TokenMint()) as running:
        yield running


def test_the_table_names_every_method_of_the_registry() -> None:
    for service in ("AgentService", "McpServerService"):
        named = {method.name for method in METHODS if method.service == service}
        assert named == method_policies(f"rookery.registry.v1.{service}").keys()


async def test_no_method_answers_without_a_valid_token(registry: Registry) -> None:
    expired = registry.mint.bearer(lifetime=timedelta(minutes=-1))
    forged = TokenMint().bearer()
    for method in METHODS:
        for metadata, reason in ((None, "TOKEN_MISSING"), (expired, "TOKEN_EXPIRED"), (forged, "TOKEN_INVALID")):
            refused = await refusal(method.call(registry, metadata))
            assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, reason), method.name
            assert refused.domain == "rookery.dev"


@pytest.mark.capability("A5")
async def test_every_method_asks_for_its_permission(registry: Registry) -> None:
    others = {method.permission for method in METHODS}
    for method in METHODS:
        metadata = registry.mint.bearer(permissions=[each for each in others if each and each != method.permission])
        refused = await refusal(method.call(registry, metadata))
        assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
        assert refused.metadata == {"permission": method.permission}


@pytest.mark.capability("A6")
async def test_unknown_ids_and_those_of_another_tenant_are_not_found(registry: Registry) -> None:
    theirs = registry.agent("acme")
    await registry.register(theirs, "scribe")
    stored = await registry.servers.RegisterMcpServer(
        servers.RegisterMcpServerRequest(name="files", stdio=STDIO), metadata=registry.admin("acme")
    )
    for agent_id in (SOMEONE, theirs.id):
        for caller in (registry.admin(), registry.agent().metadata):
            for method, request in (
                ("GetAgent", agents.GetAgentRequest(agent_id=agent_id)),
                ("UpdateAgent", agents.UpdateAgentRequest(agent_id=agent_id, update_mask=MASK)),
                ("DeregisterAgent", agents.DeregisterAgentRequest(agent_id=agent_id)),
            ):
                refused = await refusal(BY_NAME[method].call(registry, caller, request))
                assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "AGENT_NOT_FOUND")
    for method, lookup in (
        ("GetMcpServer", servers.GetMcpServerRequest(mcp_server_id=stored.mcp_server.id)),
        ("GetMcpServer", servers.GetMcpServerRequest(name="files")),
        ("GetMcpServer", servers.GetMcpServerRequest(mcp_server_id=SOMEONE)),
        ("DeleteMcpServer", servers.DeleteMcpServerRequest(mcp_server_id=stored.mcp_server.id)),
        ("DeleteMcpServer", servers.DeleteMcpServerRequest(mcp_server_id=SOMEONE)),
    ):
        refused = await refusal(BY_NAME[method].call(registry, registry.admin(), lookup))
        assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "MCP_SERVER_NOT_FOUND")
    refused = await refusal(registry.beat(registry.agent(), 1))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "AGENT_NOT_FOUND")


@pytest.mark.capability("A6")
async def test_the_identity_of_one_tenant_is_another_agent_in_the_next(registry: Registry) -> None:
    here = registry.agent()
    there = registry.mint.bearer(tenant="acme", subject=f"agent:{here.id}")
    epoch = (await registry.register(here, "scribe")).session_epoch
    refused = await refusal(BY_NAME["Heartbeat"].call(registry, there, agents.HeartbeatRequest(session_epoch=epoch)))
    assert refused.reason == "AGENT_NOT_FOUND"
    await registry.agents.RegisterAgent(agents.RegisterAgentRequest(name="clerk"), metadata=there)
    assert (await registry.get(here.id)).name == "scribe"
    assert (await registry.get(here.id, "acme")).name == "clerk"


async def test_a_request_that_is_too_large_is_refused_with_the_limit(registry: Registry) -> None:
    for method in METHODS:
        request = type(method.request)()
        request.MergeFrom(method.request)
        padding = agents.ListAgentsRequest(page_token="x" * 5_000_000).SerializeToString()
        request.MergeFromString(padding.replace(b"\x12", b"\xfa\x3f", 1))
        metadata = registry.mint.bearer(subject=f"agent:{SOMEONE}")
        refused = await refusal(method.call(registry, metadata, request))
        assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")
        assert refused.metadata == {"max_bytes": str(4 * 1024 * 1024)}


async def test_a_crafted_page_token_is_refused(registry: Registry) -> None:
    await registry.register(registry.agent(), "scribe")
    for key in ("a\0b", "\ud800"):
        request = agents.ListAgentsRequest(page_token=crafted(key))
        refused = await refusal(registry.agents.ListAgents(request, metadata=registry.admin()))
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


def crafted(key: str) -> str:
    return PageToken.encode(repr(("agents", "", "", 0, "")), key)


async def test_a_request_id_belongs_to_its_caller_and_method(registry: Registry) -> None:
    request_id = str(uuid4())
    first, second = registry.agent(), registry.agent()
    await registry.register(first, "first", request_id=request_id)
    assert (await registry.register(second, "second", request_id=request_id)).name == "second"
    removal = agents.DeregisterAgentRequest(agent_id=first.id, request_id=request_id)
    await registry.agents.DeregisterAgent(removal, metadata=first.metadata)
