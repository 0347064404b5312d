import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from datetime import timedelta
from typing import Any

import grpc
import pytest
import structlog
from google.protobuf import empty_pb2
from harness.eventually import eventually
from harness.kit_server import MAX_MESSAGE_BYTES, KitServer, serving
from harness.refusal import refusal
from harness.tokens import Bearer
from opentelemetry import trace
from rookery.auth.v1 import token_service_pb2, token_service_pb2_grpc
from rookery.registry.v1 import agent_service_pb2, agent_service_pb2_grpc
from rookery_kit.errors import NotFound
from rookery_kit.rpc import Call, Registration
from rookery_kit.tracing import current_traceparent

Code = grpc.StatusCode
GET_AGENT = "rookery.registry.v1.AgentService/GetAgent"
AGENT_ID = "01900000-0000-7000-8000-000000000000"
Answer = Callable[[agent_service_pb2.GetAgentRequest, Call], Awaitable[agent_service_pb2.GetAgentResponse]]


class AgentNotFound(NotFound):
    """An error of a service."""

    reason = "AGENT_NOT_FOUND"


async def answer_empty(_request: agent_service_pb2.GetAgentRequest, _call: Call) -> agent_service_pb2.GetAgentResponse:
    return agent_service_pb2.GetAgentResponse()


class Agents(agent_service_pb2_grpc.AgentServiceServicer):
    """Answers GetAgent as the test wants; keeps the calls."""

    def __init__(self, answer: Answer = answer_empty) -> None:
        self.answer = answer
        self.calls: list[Call] = []

    async def GetAgent(  # noqa: N802 -- named by the contract
        self, request: Any, context: Any
    ) -> agent_service_pb2.GetAgentResponse:
        call = Call.of(context)
        self.calls.append(call)
        return await self.answer(request, call)


class Tokens(token_service_pb2_grpc.TokenServiceServicer):
    """A service with a public method."""

    async def GetJwks(  # noqa: N802 -- named by the contract
        self, request: Any, context: Any
    ) -> token_service_pb2.GetJwksResponse:
        return token_service_pb2.GetJwksResponse()


@pytest.fixture
def agents() -> Agents:
    return Agents()  # type: ignore[abstract] # the other methods are not called


@pytest.fixture
async def kit(agents: Agents) -> AsyncIterator[KitServer]:
    registrations = (
        Registration(agent_service_pb2_grpc.add_AgentServiceServicer_to_server, agents),
        Registration(
            token_service_pb2_grpc.add_TokenServiceServicer_to_server,
            Tokens(),  # type: ignore[abstract] # as above
        ),
    )
    async with serving(*registrations, default_deadline=0.2) as server:
        yield server


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> list[MutableMapping[str, Any]]:
    """What the pipeline logs, however logging is configured in this process."""
    captured = structlog.testing.LogCapture()
    log = structlog.wrap_logger(structlog.testing.ReturnLogger(), processors=[captured])
    monkeypatch.setattr("rookery_kit.rpc.pipeline._log", log)
    return captured.entries


def get(kit: KitServer, metadata: Bearer | None = None, agent_id: str = AGENT_ID, timeout: float | None = 5) -> Any:
    stub = agent_service_pb2_grpc.AgentServiceStub(kit.channel)
    request = agent_service_pb2.GetAgentRequest(agent_id=agent_id)
    return stub.GetAgent(request, metadata=kit.mint.bearer() if metadata is None else metadata, timeout=timeout)


async def test_a_handler_gets_the_caller_and_what_it_sent(kit: KitServer, agents: Agents) -> None:
    remaining: list[float | None] = []

    async def look(_request: object, call: Call) -> agent_service_pb2.GetAgentResponse:
        remaining.append(call.remaining())
        return agent_service_pb2.GetAgentResponse()

    agents.answer = look
    bearer = kit.mint.bearer(tenant="acme", subject="agent:7", permissions=("agents:read",))
    await get(kit, (*bearer, ("x-color", "blue")))
    (call,) = agents.calls
    assert (call.principal.tenant, call.principal.kind, call.principal.identifier) == ("acme", "agent", "7")
    assert call.method == GET_AGENT
    assert call.metadata["x-color"] == "blue"
    assert call.forward == bearer
    assert remaining[0] is not None
    # gRPC sends the time that is left in rounded digits, and takes it off another clock.
    assert 0 < remaining[0] <= 5.1


@pytest.mark.capability("A2")
@pytest.mark.parametrize("metadata", [(), (("authorization", ""),), (("authorization", "Basic dXNlcg=="),)])
async def test_a_call_without_a_token_is_refused(kit: KitServer, agents: Agents, metadata: Bearer) -> None:
    refused = await refusal(get(kit, metadata))
    assert (refused.code, refused.reason, refused.domain) == (Code.UNAUTHENTICATED, "TOKEN_MISSING", "rookery.dev")
    assert agents.calls == []


@pytest.mark.capability("A2")
async def test_a_call_with_a_bad_or_expired_token_is_refused(kit: KitServer) -> None:
    forged = (("authorization", "Bearer not.a.token"),)
    assert (await refusal(get(kit, forged))).reason == "TOKEN_INVALID"
    expired = await refusal(get(kit, kit.mint.bearer(lifetime=timedelta(seconds=-1))))
    assert (expired.code, expired.reason) == (Code.UNAUTHENTICATED, "TOKEN_EXPIRED")


@pytest.mark.capability("A5")
async def test_a_missing_permission_is_refused_by_name_and_logged(
    kit: KitServer, agents: Agents, logs: list[MutableMapping[str, Any]]
) -> None:
    bearer = kit.mint.bearer(tenant="acme", subject="agent:7", permissions=("agents:register",))
    refused = await refusal(get(kit, bearer))
    assert (refused.code, refused.reason) == (Code.PERMISSION_DENIED, "PERMISSION_MISSING")
    assert refused.metadata == {"permission": "agents:read"}
    assert agents.calls == []
    (denial,) = [line for line in logs if line["event"] == "permission denied"]
    assert (denial["method"], denial["permission"]) == (GET_AGENT, "agents:read")


async def test_a_public_method_answers_without_a_token_and_knows_no_caller(kit: KitServer) -> None:
    stub = token_service_pb2_grpc.TokenServiceStub(kit.channel)
    await stub.GetJwks(token_service_pb2.GetJwksRequest(), timeout=5)


async def test_a_broken_field_is_refused_with_its_path(kit: KitServer, agents: Agents) -> None:
    refused = await refusal(get(kit, agent_id="seven"))
    assert (refused.code, refused.reason, refused.fields) == (Code.INVALID_ARGUMENT, "INVALID_FIELD", ("agent_id",))
    assert "agent_id" in refused.message
    assert agents.calls == []


async def test_fields_within_lists_and_maps_are_named(kit: KitServer) -> None:
    stub = agent_service_pb2_grpc.AgentServiceStub(kit.channel)
    request = agent_service_pb2.RegisterAgentRequest(
        name="Upper", capabilities=["fine", "Not Fine"], labels={"ok": "x" * 300}
    )
    refused = await refusal(stub.RegisterAgent(request, metadata=kit.mint.bearer(), timeout=5))
    assert set(refused.fields) == {"name", "capabilities[1]", "labels['ok']"}


async def test_permission_comes_before_validation(kit: KitServer) -> None:
    refused = await refusal(get(kit, kit.mint.bearer(permissions=()), agent_id="seven"))
    assert refused.reason == "PERMISSION_MISSING"


async def test_a_message_too_large_is_refused_with_the_limit(kit: KitServer, agents: Agents) -> None:
    refused = await refusal(get(kit, agent_id="x" * MAX_MESSAGE_BYTES))
    assert (refused.code, refused.reason) == (Code.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")
    assert refused.metadata == {"max_bytes": str(MAX_MESSAGE_BYTES)}
    assert agents.calls == []


@pytest.mark.parametrize("data", [b"\x0a\xff", b"\x0a\x02\xff\xfe", b"\x07"])
async def test_bytes_that_are_no_message_are_refused(kit: KitServer, data: bytes) -> None:
    raw: Any = kit.channel.unary_unary(f"/{GET_AGENT}")
    refused = await refusal(raw(data, metadata=kit.mint.bearer(), timeout=5))
    assert (refused.code, refused.reason) == (Code.INVALID_ARGUMENT, "INVALID_FIELD")


async def test_a_call_without_a_deadline_gets_the_default_one(kit: KitServer, agents: Agents) -> None:
    async def forever(_request: object, _call: Call) -> agent_service_pb2.GetAgentResponse:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets the event")

    agents.answer = forever
    refused = await refusal(get(kit, timeout=None))
    assert (refused.code, refused.reason) == (Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")


async def test_a_handler_is_cancelled_when_its_caller_goes(kit: KitServer, agents: Agents) -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    async def until_cancelled(_request: object, _call: Call) -> agent_service_pb2.GetAgentResponse:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError("nobody sets the event")

    agents.answer = until_cancelled
    call = get(kit)
    await asyncio.wait_for(entered.wait(), 5)
    call.cancel()
    await asyncio.wait_for(left.wait(), 5)
    await eventually(lambda: kit.count(GET_AGENT, Code.CANCELLED) == 1)


async def test_a_domain_error_becomes_its_status(kit: KitServer, agents: Agents) -> None:
    async def missing(request: agent_service_pb2.GetAgentRequest, _call: Call) -> agent_service_pb2.GetAgentResponse:
        raise AgentNotFound("no such agent", agent_id=request.agent_id)

    agents.answer = missing
    refused = await refusal(get(kit))
    assert (refused.code, refused.reason) == (Code.NOT_FOUND, "AGENT_NOT_FOUND")
    assert refused.metadata == {"agent_id": AGENT_ID}


async def test_a_fault_is_masked_and_logged_under_the_id_that_the_caller_gets(
    kit: KitServer, agents: Agents, logs: list[MutableMapping[str, Any]]
) -> None:
    async def broken(_request: object, _call: Call) -> agent_service_pb2.GetAgentResponse:
        raise LookupError("password is hunter2")

    agents.answer = broken
    refused = await refusal(get(kit))
    assert (refused.code, refused.reason) == (Code.INTERNAL, "INTERNAL")
    assert "hunter2" not in refused.message
    (fault,) = [line for line in logs if line["event"] == "internal fault"]
    assert fault["fault_id"] == refused.metadata["fault_id"]
    assert isinstance(fault["exc_info"], LookupError)


@pytest.mark.capability("M10")
async def test_a_handler_works_within_the_trace_of_its_caller(kit: KitServer, agents: Agents) -> None:
    seen: list[str] = []

    async def look(_request: object, call: Call) -> agent_service_pb2.GetAgentResponse:
        seen.extend((current_traceparent(), call.traceparent))
        return agent_service_pb2.GetAgentResponse()

    agents.answer = look
    trace_id, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    await get(kit, (*kit.mint.bearer(), ("traceparent", f"00-{trace_id}-{parent}-01")))
    await get(kit)
    first, same, second, _ = seen
    assert first == same
    assert first.startswith(f"00-{trace_id}-")
    assert parent not in first
    assert trace_id not in second
    assert not trace.get_current_span().get_span_context().is_valid


@pytest.mark.capability("D3")
async def test_calls_are_counted_by_method_and_status(kit: KitServer) -> None:
    await get(kit)
    await get(kit)
    await refusal(get(kit, ()))
    await refusal(get(kit, agent_id="seven"))
    codes = (Code.OK, Code.UNAUTHENTICATED, Code.INVALID_ARGUMENT)
    # A call is counted once it is over, of which its caller may hear a moment before.
    await eventually(lambda: [kit.count(GET_AGENT, code) for code in codes] == [2, 1, 1])


@pytest.mark.capability("D3")
async def test_reflection_and_health_answer_without_a_token(kit: KitServer) -> None:
    health: Any = kit.channel.unary_unary("/grpc.health.v1.Health/Check")
    not_serving, serving_now = b"\x08\x02", b"\x08\x01"
    assert await health(b"", timeout=5) == not_serving
    await kit.server.set_serving(serving=True)
    assert await health(b"", timeout=5) == serving_now


async def test_an_unknown_method_is_unimplemented(kit: KitServer) -> None:
    unknown: Any = kit.channel.unary_unary("/rookery.registry.v1.AgentService/Nothing")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await unknown(empty_pb2.Empty().SerializeToString(), timeout=5)
    assert caught.value.code() is Code.UNIMPLEMENTED
