import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from harness.databases import FreshDatabase
from harness.nats_server import RestartableNats
from harness.refusal import read_refusal, refusal
from harness.registry_service import Caller, Registry, registry_settings, running_registry
from harness.tokens import TokenMint
from rookery.registry.v1 import agent_pb2, agent_service_pb2

ONLINE, OFFLINE = agent_pb2.AGENT_STATUS_ONLINE, agent_pb2.AGENT_STATUS_OFFLINE


@pytest.fixture
async def registry(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Registry]:
    async with running_registry(registry_settings(fresh_database, nats_server), TokenMint()) as running:
        yield running


@pytest.mark.capability("A1")
@pytest.mark.capability("R1")
async def test_registration_binds_name_and_attributes_to_the_identity_in_the_token(registry: Registry) -> None:
    caller = registry.agent(labels={"team": "docs"})
    agent = await registry.register(
        caller,
        "scribe",
        description="writes",
        capabilities=["write", "summarise"],
        labels={"team": "other", "zone": "b"},
        lease_duration=Duration(seconds=30),
    )
    assert (agent.id, agent.subject, agent.tenant) == (caller.id, f"agent:{caller.id}", "default")
    assert (agent.name, agent.description, agent.status) == ("scribe", "writes", ONLINE)
    assert list(agent.capabilities) == ["write", "summarise"]
    assert dict(agent.labels) == {"team": "docs", "zone": "b"}
    assert agent.lease_duration.seconds == 30
    assert agent.session_epoch > 0
    assert agent.revision > 0
    assert agent.etag
    read = await registry.get(caller.id)
    assert read == agent


async def test_a_registration_that_asks_for_no_lease_gets_fifteen_seconds(registry: Registry) -> None:
    agent = await registry.register(registry.agent(), "scribe")
    assert agent.lease_duration.ToTimedelta().total_seconds() == 15


@pytest.mark.capability("R1")
async def test_registering_again_is_the_same_agent_in_a_later_session_that_fences_the_earlier_off(
    registry: Registry,
) -> None:
    caller = registry.agent()
    first = await registry.register(caller, "scribe", capabilities=["write"])
    second = await registry.register(caller, "scribe", capabilities=["read"])
    assert (second.id, second.create_time) == (first.id, first.create_time)
    assert second.session_epoch > first.session_epoch
    assert second.etag != first.etag
    assert list(second.capabilities) == ["read"]
    assert await registry.beat(caller, second.session_epoch) == 15
    for going_offline in (False, True):
        refused = await refusal(registry.beat(caller, first.session_epoch, going_offline=going_offline))
        assert (refused.code, refused.reason) == (grpc.StatusCode.ABORTED, "SESSION_SUPERSEDED")
    assert (await registry.get(caller.id)).status == ONLINE


async def test_a_name_belongs_to_one_identity_until_it_deregisters(registry: Registry) -> None:
    first, second = registry.agent(), registry.agent()
    before = await registry.register(first, "scribe")
    refused = await refusal(registry.register(second, "scribe"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "AGENT_NAME_TAKEN")
    assert (await registry.register(registry.agent("acme"), "scribe")).tenant == "acme"
    await registry.agents.DeregisterAgent(
        agent_service_pb2.DeregisterAgentRequest(agent_id=first.id), metadata=first.metadata
    )
    assert (await registry.register(second, "scribe")).id == second.id
    again = await registry.register(first, "clerk")
    assert again.session_epoch > before.session_epoch


async def test_an_identity_has_one_name(registry: Registry) -> None:
    caller = registry.agent()
    await registry.register(caller, "scribe")
    refused = await refusal(registry.register(caller, "clerk"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ALREADY_EXISTS, "SUBJECT_ALREADY_BOUND")
    assert refused.metadata["name"] == "scribe"


@pytest.mark.parametrize("subject", ["user:admin", "service:orchestrator", "agent:scribe"])
async def test_only_an_agent_identity_registers_or_beats(registry: Registry, subject: str) -> None:
    caller = Caller("", registry.mint.bearer(subject=subject))
    for call in (registry.register(caller, "scribe"), registry.beat(caller, 1)):
        refused = await refusal(call)
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_AN_AGENT")


@pytest.mark.capability("R1")
async def test_an_update_changes_what_the_mask_names_and_never_the_labels_of_the_enrolment(registry: Registry) -> None:
    caller = registry.agent(labels={"team": "docs"})
    agent = await registry.register(caller, "scribe", description="writes", capabilities=["write"], labels={"a": "b"})
    request = agent_service_pb2.UpdateAgentRequest(
        agent_id=agent.id,
        etag=agent.etag,
        update_mask=FieldMask(paths=["labels", "capabilities"]),
        labels={"team": "other", "zone": "c"},
        description="not named in the mask",
    )
    updated = (await registry.agents.UpdateAgent(request, metadata=caller.metadata)).agent
    assert dict(updated.labels) == {"team": "docs", "zone": "c"}
    assert (list(updated.capabilities), updated.description) == ([], "writes")
    assert updated.etag != agent.etag
    assert updated.revision > agent.revision
    assert updated.update_time.ToNanoseconds() > agent.update_time.ToNanoseconds()
    assert await registry.get(caller.id) == updated


async def test_an_update_with_an_outdated_etag_is_aborted(registry: Registry) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe")
    request = agent_service_pb2.UpdateAgentRequest(
        agent_id=agent.id, etag=agent.etag, update_mask=FieldMask(paths=["description"]), description="first"
    )
    await registry.agents.UpdateAgent(request, metadata=caller.metadata)
    refused = await refusal(registry.agents.UpdateAgent(request, metadata=caller.metadata))
    assert (refused.code, refused.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    request.etag, request.description = "", "second"
    assert (await registry.agents.UpdateAgent(request, metadata=caller.metadata)).agent.description == "second"


async def test_of_two_who_update_with_one_etag_at_once_one_wins(registry: Registry) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe")
    requests = [
        agent_service_pb2.UpdateAgentRequest(
            agent_id=agent.id, etag=agent.etag, update_mask=FieldMask(paths=["description"]), description=text
        )
        for text in ("first", "second")
    ]
    calls = (registry.agents.UpdateAgent(request, metadata=caller.metadata) for request in requests)
    results = await asyncio.gather(*calls, return_exceptions=True)
    (won,) = (result for result in results if isinstance(result, agent_service_pb2.UpdateAgentResponse))
    (lost,) = (read_refusal(result) for result in results if isinstance(result, grpc.aio.AioRpcError))
    assert (lost.code, lost.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    assert lost.metadata == {"current_etag": won.agent.etag}
    assert await registry.get(caller.id) == won.agent


async def test_a_request_id_sent_many_times_at_once_registers_once(registry: Registry) -> None:
    caller, request_id = registry.agent(), str(uuid4())
    answers = await asyncio.gather(*(registry.register(caller, "scribe", request_id=request_id) for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert await registry.get(caller.id) == answers[0]


async def test_of_two_who_send_different_requests_under_one_request_id_at_once_one_wins(registry: Registry) -> None:
    caller, request_id = registry.agent(), str(uuid4())
    calls = (registry.register(caller, "scribe", request_id=request_id, description=text) for text in ("one", "two"))
    results = await asyncio.gather(*calls, return_exceptions=True)
    (won,) = (result for result in results if isinstance(result, agent_pb2.Agent))
    (lost,) = (read_refusal(result) for result in results if isinstance(result, grpc.aio.AioRpcError))
    assert (lost.code, lost.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert await registry.get(caller.id) == won


async def test_a_heartbeat_leaves_the_etag_as_it_is(registry: Registry) -> None:
    caller = registry.agent()
    agent = await registry.register(caller, "scribe")
    await registry.beat(caller, agent.session_epoch)
    read = await registry.get(caller.id)
    assert read.etag == agent.etag
    assert read.lease_expire_time.ToNanoseconds() > agent.lease_expire_time.ToNanoseconds()


async def test_only_the_agent_itself_or_who_manages_agents_changes_it(registry: Registry) -> None:
    caller, other = registry.agent(), registry.agent()
    await registry.register(caller, "scribe")
    update = agent_service_pb2.UpdateAgentRequest(
        agent_id=caller.id, update_mask=FieldMask(paths=["description"]), description="changed"
    )
    removal = agent_service_pb2.DeregisterAgentRequest(agent_id=caller.id)
    for call in (
        registry.agents.UpdateAgent(update, metadata=other.metadata),
        registry.agents.DeregisterAgent(removal, metadata=other.metadata),
    ):
        refused = await refusal(call)
        assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
        assert refused.metadata == {"permission": "agents:manage"}
    await registry.agents.UpdateAgent(update, metadata=registry.admin())
    await registry.agents.DeregisterAgent(removal, metadata=registry.admin())
    refused = await refusal(registry.get(caller.id))
    assert refused.reason == "AGENT_NOT_FOUND"


@pytest.mark.capability("R1")
async def test_agents_are_listed_by_name_in_pages_with_filters(registry: Registry) -> None:
    for number in range(5):
        capabilities = ["even"] if number % 2 == 0 else ["odd"]
        caller = registry.agent()
        agent = await registry.register(caller, f"agent-{number}", capabilities=capabilities)
        if number < 3:
            await registry.beat(caller, agent.session_epoch, going_offline=True)
    await registry.register(registry.agent("acme"), "agent-of-acme", capabilities=["even"])
    assert await names(registry, page_size=2) == [["agent-0", "agent-1"], ["agent-2", "agent-3"], ["agent-4"]]
    assert await names(registry, page_size=5) == [[f"agent-{number}" for number in range(5)]]
    assert await names(registry, capability="even") == [["agent-0", "agent-2", "agent-4"]]
    assert await names(registry, status=ONLINE) == [["agent-3", "agent-4"]]
    assert await names(registry, status=OFFLINE, capability="even", page_size=1) == [["agent-0"], ["agent-2"]]
    assert await names(registry, name="agent-3") == [["agent-3"]]
    assert await names(registry, name="nobody") == [[]]


async def names(registry: Registry, **fields: object) -> list[list[str]]:
    request = agent_service_pb2.ListAgentsRequest(**fields)  # type: ignore[arg-type]
    pages = []
    while True:
        answer = await registry.agents.ListAgents(request, metadata=registry.admin())
        pages.append([agent.name for agent in answer.agents])
        if not answer.next_page_token:
            return pages
        request.page_token = answer.next_page_token


async def test_a_page_token_is_good_for_its_own_filters_only(registry: Registry) -> None:
    for name in ("a", "b"):
        await registry.register(registry.agent(), name)
    token = (
        await registry.agents.ListAgents(agent_service_pb2.ListAgentsRequest(page_size=1), metadata=registry.admin())
    ).next_page_token
    for request in (
        agent_service_pb2.ListAgentsRequest(page_token=token, status=ONLINE),
        agent_service_pb2.ListAgentsRequest(page_token=token, filter="name != c"),
        agent_service_pb2.ListAgentsRequest(page_token="nonsense"),
    ):
        refused = await refusal(registry.agents.ListAgents(request, metadata=registry.admin()))
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
        assert refused.fields == ("page_token",)


async def test_the_same_request_id_answers_the_same_and_begins_no_second_session(registry: Registry) -> None:
    caller = registry.agent()
    request_id = str(uuid4())
    first = await registry.register(caller, "scribe", request_id=request_id)
    assert await registry.register(caller, "scribe", request_id=request_id) == first
    assert (await registry.get(caller.id)).session_epoch == first.session_epoch
    refused = await refusal(registry.register(caller, "scribe", request_id=request_id, description="other"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")


async def test_a_deregistration_under_a_request_id_may_be_repeated(registry: Registry) -> None:
    caller = registry.agent()
    await registry.register(caller, "scribe")
    request = agent_service_pb2.DeregisterAgentRequest(agent_id=caller.id, request_id=str(uuid4()))
    for _ in range(2):
        await registry.agents.DeregisterAgent(request, metadata=caller.metadata)
    request.ClearField("request_id")
    refused = await refusal(registry.agents.DeregisterAgent(request, metadata=caller.metadata))
    assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "AGENT_NOT_FOUND")
