from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct
from harness.databases import FreshDatabase
from harness.in_process import running
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.registry_service import Registry, registry_at, registry_settings, running_registry
from harness.tokens import TokenMint
from rookery.registry.v1 import agent_pb2, agent_search_pb2, agent_service_pb2
from rookery_kit.foundation import Foundation
from rookery_kit.identity_feed import Quotas, TenantState
from rookery_kit.lifecycle import Service
from rookery_registry.__main__ import compose
from rookery_registry.settings import RegistrySettings

SKILL = agent_pb2.AgentSkill(id="review", name="Review", description="Says what is wrong.", tags=["code"])
CARD = ("type", "version", "endpoint", "skills", "config")
DRAIN = agent_service_pb2.AGENT_INSTRUCTION_DRAIN


def config() -> Struct:
    made = Struct()
    made.update({"model": "large", "temperature": 0.2, "tools": ["search", None, True], "limits": {"turns": 12}})
    return made


@pytest.fixture
async def registry(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Registry]:
    async with running_registry(registry_settings(fresh_database, nats_server), TokenMint()) as running:
        yield running


@pytest.mark.capability("R1")
async def test_a_card_comes_back_as_it_was_registered_and_is_replaced_by_the_next_registration(
    registry: Registry,
) -> None:
    caller = registry.agent()
    card: dict[str, object] = {
        "type": "reviewer",
        "version": "2.1",
        "endpoint": "https://ann.example.com/a2a",
        "skills": [SKILL],
    }
    agent = await registry.register(caller, "ann", config=config(), **card)
    assert (agent.type, agent.version, agent.endpoint) == ("reviewer", "2.1", "https://ann.example.com/a2a")
    assert (list(agent.skills), agent.config) == ([SKILL], config())
    assert await registry.get(caller.id) == agent
    again = await registry.register(caller, "ann")
    assert (again.type, again.version, again.endpoint, list(again.skills)) == ("", "", "", [])
    assert not again.HasField("config")


@pytest.mark.capability("R1")
async def test_an_update_replaces_the_parts_of_a_card_that_the_mask_names(registry: Registry) -> None:
    caller = registry.agent()
    before = await registry.register(caller, "ann", type="reviewer", version="1", config=config(), skills=[SKILL])
    request = agent_service_pb2.UpdateAgentRequest(
        agent_id=caller.id, update_mask=FieldMask(paths=["version", "skills"]), version="2", type="other"
    )
    after = (await registry.agents.UpdateAgent(request, metadata=caller.metadata)).agent
    assert (after.type, after.version, list(after.skills), after.config) == ("reviewer", "2", [], before.config)
    request = agent_service_pb2.UpdateAgentRequest(agent_id=caller.id, update_mask=FieldMask(paths=CARD))
    after = (await registry.agents.UpdateAgent(request, metadata=caller.metadata)).agent
    assert [getattr(after, field) for field in CARD[:3]] == ["", "", ""]
    assert not after.HasField("config")


@pytest.mark.capability("R1")
async def test_an_agent_that_was_told_to_drain_drains_over_registrations_and_lapses(registry: Registry) -> None:
    caller = registry.agent()
    await registry.register(caller, "ann")
    request = agent_service_pb2.InstructAgentRequest(agent_id=caller.id, instruction=DRAIN)
    refused = await refusal(registry.agents.InstructAgent(request, metadata=caller.metadata))
    assert refused.metadata == {"permission": "agents:manage"}
    await registry.agents.InstructAgent(request, metadata=registry.admin())
    again = await registry.register(caller, "ann")
    assert (again.status, again.draining) == (agent_pb2.AGENT_STATUS_DRAINING, True)
    await registry.beat(caller, again.session_epoch, going_offline=True)
    gone = await registry.get(caller.id)
    assert (gone.status, gone.draining) == (agent_pb2.AGENT_STATUS_OFFLINE, True)


@pytest.mark.capability("R1")
async def test_a_listing_by_filter_says_where_a_wrong_one_is_wrong(registry: Registry) -> None:
    for name in ("ann", "ben"):
        await registry.register(registry.agent(labels={"team": name}), name, capabilities=["write"])
    request = agent_service_pb2.ListAgentsRequest(filter="labels.team = ben", capability="write")
    answer = await registry.agents.ListAgents(request, metadata=registry.admin())
    assert [agent.name for agent in answer.agents] == ["ben"]
    request.filter = "labels.team = ben AND"
    refused = await refusal(registry.agents.ListAgents(request, metadata=registry.admin()))
    assert (refused.reason, refused.fields) == ("INVALID_FILTER", ("filter",))
    assert refused.metadata == {"position": "22"}


@pytest.mark.capability("R3")
async def test_the_best_agents_for_a_task_are_found(registry: Registry) -> None:
    for name, capabilities in (("ann", ["read", "write"]), ("ben", ["read"]), ("cat", ["read", "write"])):
        await registry.register(registry.agent(labels={"team": "docs"}), name, capabilities=capabilities)
    request = agent_search_pb2.FindAgentsRequest(capabilities=["write", "read"], labels={"team": "docs"})
    answer = await registry.agents.FindAgents(request, metadata=registry.agent().metadata)
    assert [(match.agent.name, match.cost) for match in answer.matches] == [("ann", 0.5), ("cat", 0.5)]
    assert not answer.matches[0].HasField("load")
    request.limit = 1
    answer = await registry.agents.FindAgents(request, metadata=registry.admin())
    assert [match.agent.name for match in answer.matches] == ["ann"]
    request.max_cost = 0.4
    assert not (await registry.agents.FindAgents(request, metadata=registry.admin())).matches


@pytest.mark.capability("A11")
async def test_a_tenant_has_no_more_agents_than_its_quota(
    fresh_database: FreshDatabase, nats_server: RestartableNats
) -> None:
    mint = TokenMint()

    async def with_quota(settings: RegistrySettings, foundation: Foundation) -> Service:
        foundation.tenant_states.apply(TenantState("acme", quotas=Quotas(max_agents=1), revision=1))
        return await mint.trusted_by(compose)(settings, foundation)

    async with running(registry_settings(fresh_database, nats_server), with_quota) as channel:
        registry = registry_at(channel, mint)
        first = registry.agent("acme")
        await registry.register(first, "ann")
        refused = await refusal(registry.register(registry.agent("acme"), "ben"))
        assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
        assert refused.metadata == {"quota": "max_agents", "limit": "1", "subject": "tenant:acme"}
        assert (await registry.register(first, "ann")).id == first.id
        assert (await registry.register(registry.agent(), "ben")).tenant == "default"
