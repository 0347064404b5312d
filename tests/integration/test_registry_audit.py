from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from harness.databases import FreshDatabase
from harness.event_log import EventLog
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.registry_service import Registry, registry_settings, running_registry
from harness.tokens import TokenMint
from rookery.auth.v1 import audit_pb2
from rookery.events.v1 import audit_record_pb2
from rookery.registry.v1 import agent_service_pb2 as agents
from rookery.registry.v1 import mcp_server_pb2
from rookery.registry.v1 import mcp_server_service_pb2 as servers
from rookery_kit.bus import Bus

SUCCEEDED, DENIED = audit_pb2.AUDIT_OUTCOME_SUCCEEDED, audit_pb2.AUDIT_OUTCOME_DENIED


@pytest.fixture
async def registry(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Registry]:
    async with running_registry(registry_settings(fresh_database, nats_server), TokenMint()) as running:
        yield running


@pytest.mark.capability("A7")
async def test_every_change_of_agents_and_servers_is_told_to_the_audit_log(registry: Registry, bus: Bus) -> None:
    caller, admin = registry.agent("acme"), registry.admin("acme")
    subject = "rk.acme.event.audit.*"
    async with EventLog[audit_record_pb2.AuditRecord].following(bus, subject, audit_record_pb2.AuditRecord) as log:
        await registry.register(caller, "scribe", request_id=str(uuid4()))
        update = agents.UpdateAgentRequest(agent_id=caller.id, update_mask=FieldMask(paths=["description"]))
        await registry.agents.UpdateAgent(update, metadata=caller.metadata)
        drain = agents.InstructAgentRequest(agent_id=caller.id, instruction=agents.AGENT_INSTRUCTION_DRAIN)
        await refusal(registry.agents.InstructAgent(drain, metadata=caller.metadata))
        await registry.agents.InstructAgent(drain, metadata=admin)
        await registry.agents.DeregisterAgent(agents.DeregisterAgentRequest(agent_id=caller.id), metadata=admin)
        registration = servers.RegisterMcpServerRequest(name="files", stdio=mcp_server_pb2.StdioTransport(command="a"))
        server = (await registry.servers.RegisterMcpServer(registration, metadata=admin)).mcp_server
        deletion = servers.DeleteMcpServerRequest(mcp_server_id=server.id)
        await registry.servers.DeleteMcpServer(deletion, metadata=admin)
        await eventually(lambda: len(log.events) >= 7, within=10)
    told = [event.message.event for event in log.events]
    agent_service, server_service = "rookery.registry.v1.AgentService", "rookery.registry.v1.McpServerService"
    agent, own = f"agents/{caller.id}", f"agent:{caller.id}"
    assert sorted((each.action, each.resource, each.actor) for each in told if each.outcome == SUCCEEDED) == sorted(
        [
            (f"{agent_service}/RegisterAgent", agent, own),
            (f"{agent_service}/UpdateAgent", agent, own),
            (f"{agent_service}/InstructAgent", agent, "user:admin"),
            (f"{agent_service}/DeregisterAgent", agent, "user:admin"),
            (f"{server_service}/RegisterMcpServer", f"mcp_servers/{server.id}", "user:admin"),
            (f"{server_service}/DeleteMcpServer", f"mcp_servers/{server.id}", "user:admin"),
        ]
    )
    (denied,) = (each for each in told if each.outcome == DENIED)
    assert (denied.action, denied.actor, denied.reason) == (f"{agent_service}/InstructAgent", own, "PERMISSION_MISSING")
