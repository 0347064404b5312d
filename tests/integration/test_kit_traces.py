import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import grpc
import pytest
from harness.kit_server import serving
from harness.refusal import refusal
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr
from rookery.registry.v1 import agent_service_pb2, agent_service_pb2_grpc
from rookery_kit.rpc import Registration
from rookery_kit.settings import ServiceSettings
from rookery_kit.telemetry import start_telemetry

EXPORT = "opentelemetry.proto.collector.trace.v1.TraceService"


class ProbeSettings(ServiceSettings):
    """A service that only traces."""

    service: ClassVar[str] = "probe"


class Collector:
    """An OTLP collector that keeps the names of spans with the service that sent them."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str]] = []

    async def export(self, data: bytes, _context: object) -> bytes:
        request = trace_service_pb2.ExportTraceServiceRequest.FromString(data)
        for resource in request.resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [(named["service.name"], span.name) for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse().SerializeToString()


@pytest.fixture
def collector() -> Collector:
    return Collector()


@pytest.fixture
async def endpoint(collector: Collector) -> AsyncIterator[str]:
    server = grpc.aio.server()
    handlers: dict[str, Any] = {"Export": grpc.unary_unary_rpc_method_handler(collector.export)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(EXPORT, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"http://127.0.0.1:{port}"
    await server.stop(grace=None)


@pytest.mark.capability("D3")
async def test_spans_leave_for_the_collector_that_is_configured(collector: Collector, endpoint: str) -> None:
    settings = ProbeSettings(
        listen="127.0.0.1:0",
        metrics_listen="127.0.0.1:0",
        database_url=SecretStr("postgresql://nobody@127.0.0.1/nothing"),
        nats_url=SecretStr("nats://127.0.0.1"),
        auth_address="127.0.0.1:1",
        otlp_endpoint=endpoint,
    )
    telemetry = start_telemetry(settings)
    with telemetry.tracer.start_as_current_span("work"):
        pass
    await asyncio.to_thread(telemetry.close)
    assert collector.spans == [("rookery-probe", "work")]


class Agents(agent_service_pb2_grpc.AgentServiceServicer):
    """Answers GetAgent."""

    async def GetAgent(  # noqa: N802 -- named by the contract
        self, request: Any, context: Any
    ) -> agent_service_pb2.GetAgentResponse:
        return agent_service_pb2.GetAgentResponse()


@pytest.mark.capability("M10")
async def test_the_span_of_a_call_names_its_tenant_and_caller_and_says_when_it_failed() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    agents = Agents()  # type: ignore[abstract] # the other methods are not called
    registration = Registration(agent_service_pb2_grpc.add_AgentServiceServicer_to_server, agents)
    async with serving(registration, tracer=provider.get_tracer("test")) as kit:
        stub = agent_service_pb2_grpc.AgentServiceStub(kit.channel)
        bearer = kit.mint.bearer(tenant="acme", subject="agent:7")
        for agent_id in ("01900000-0000-7000-8000-000000000000", "seven"):
            call = stub.GetAgent(agent_service_pb2.GetAgentRequest(agent_id=agent_id), metadata=bearer, timeout=5)
            if agent_id == "seven":
                await refusal(call)
            else:
                await call
    good, bad = exporter.get_finished_spans()
    for span in (good, bad):
        assert span.name == "rookery.registry.v1.AgentService/GetAgent"
        assert attributes(span) == {"rookery.tenant": "acme", "rookery.subject": "agent:7"}
    assert good.status.is_ok
    assert not bad.status.is_ok


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})
