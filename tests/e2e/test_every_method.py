"""What holds for every method of every service, read from the contract itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from harness.refusal import Refusal, read_refusal
from harness.suite import Suite
from rookery.auth.v1 import enrollment_service_pb2, token_service_pb2
from rookery.options.v1 import method_pb2
from rookery_kit.built_in_roles import BUILT_IN_ROLES
from rookery_kit.contract import declared_methods, holds

POLICY: Any = method_pb2.policy
SERVICES = ("auth", "registry", "orchestrator", "tool_executor")


@dataclass(frozen=True)
class Method:
    service: str
    descriptor: MethodDescriptor

    @property
    def policy(self) -> Any:
        return self.descriptor.GetOptions().Extensions[POLICY]

    @property
    def path(self) -> str:
        return f"/{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    async def call(self, suite: Suite, payload: bytes, metadata: tuple[tuple[str, str], ...] = ()) -> bytes:
        """Sends one message, as bytes, but on a stream none, and answers the first that comes back."""
        channel: Any = suite.channel(self.service)
        streams = (self.descriptor.client_streaming, self.descriptor.server_streaming)
        if streams == (False, False):
            answer: bytes = await channel.unary_unary(self.path)(payload, metadata=metadata, timeout=10)
            return answer
        if streams == (False, True):
            stream: Any = channel.unary_stream(self.path)(payload, metadata=metadata, timeout=10)
        else:
            # Nothing is sent: a client whose stream is refused while it sends may see its own INTERNAL instead.
            stream = channel.stream_stream(self.path)(metadata=metadata, timeout=10)
        async for message in stream:
            return bytes(message)
        return b""


def methods() -> Iterator[Method]:
    for declared in declared_methods():
        descriptor = descriptor_pool.Default().FindServiceByName(declared.service)
        yield Method(_served_by(declared.service), descriptor.FindMethodByName(declared.name))


async def refused(suite: Suite, method: Method, payload: bytes, metadata: tuple[tuple[str, str], ...] = ()) -> Refusal:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method.call(suite, payload, metadata)
    return read_refusal(caught.value)


@pytest.mark.capability("A5")
async def test_every_method_refuses_who_may_not_call_it_and_what_it_cannot_read(suite: Suite) -> None:
    channel: Any = suite.channel("auth")
    administrator = await suite.administrator()
    enroll = channel.unary_unary("/rookery.auth.v1.EnrollmentService/CreateEnrollmentToken")
    issue = channel.unary_unary("/rookery.auth.v1.TokenService/IssueToken")

    async def token_of(role: str) -> tuple[tuple[str, str], ...]:
        wanted = enrollment_service_pb2.CreateEnrollmentTokenRequest(roles=[role])
        created = enrollment_service_pb2.CreateEnrollmentTokenResponse.FromString(
            await enroll(wanted.SerializeToString(), metadata=administrator)
        )
        request = token_service_pb2.IssueTokenRequest(enrollment_token=created.secret)
        issued = token_service_pb2.IssueTokenResponse.FromString(await issue(request.SerializeToString()))
        return (("authorization", f"Bearer {issued.token_set.access_token}"),)

    observer = await token_of("observer")
    seen = 0
    for method in methods():
        seen += 1
        expectations: list[tuple[bytes, tuple[tuple[str, str], ...], grpc.StatusCode, str]] = []
        if not method.policy.public:
            expectations += [
                (b"", (), grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING"),
                (b"", (("authorization", "Bearer x.y.z"),), grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID"),
                (b"", (("authorization", "Basic abc"),), grpc.StatusCode.UNAUTHENTICATED, "TOKEN_MISSING"),
            ]
            if not holds(BUILT_IN_ROLES["observer"], method.policy.permission):
                expectations.append((b"", observer, grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING"))
        too_large = b"\x00" * (4 * 1024 * 1024 + 1)
        if method.descriptor.name == "SendMessages":
            # Whoever may send messages may do so here, and is waited for.
            pass
        elif method.descriptor.client_streaming:
            # These are for agents, and turn others away before the first frame.
            expectations.append((b"", administrator, grpc.StatusCode.FAILED_PRECONDITION, "NOT_AN_AGENT"))
        else:
            expectations.append((b"\xff\xff\xff", administrator, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"))
            expectations.append((too_large, administrator, grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE"))
        for payload, metadata, code, reason in expectations:
            answer = await refused(suite, method, payload, metadata)
            assert (answer.code, answer.reason, answer.domain) == (code, reason, "rookery.dev"), method.path
    assert seen >= 20


@pytest.mark.capability("D3")
async def test_health_and_reflection_answer_without_a_token(suite: Suite) -> None:
    for service in SERVICES:
        channel: Any = suite.channel(service)
        names = {method.service for method in declared_methods() if _served_by(method.service) == service}
        health: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", *names):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="*")
        async for reflected in reflection.ServerReflectionInfo(iter([request]), timeout=5):
            assert names <= {listed.name for listed in reflected.list_services_response.service}


def _served_by(service: str) -> str:
    return service.split(".")[1]


def test_every_method_that_changes_something_can_be_repeated_safely() -> None:
    pool = descriptor_pool.Default()
    natural_ids = dict.fromkeys(("SendMessage", "Request", "Broadcast", "Publish"), "message_id")
    changes_nothing = {"GetJwks", "IntrospectToken", "Subscribe"}
    for method in methods():
        permission = method.policy.permission
        if permission.endswith(":read") or method.descriptor.client_streaming or method.descriptor.name == "Heartbeat":
            continue
        fields = GetMessageClass(pool.FindMessageTypeByName(method.descriptor.input_type.full_name)).DESCRIPTOR
        wanted = natural_ids.get(method.descriptor.name, "request_id")
        assert wanted in fields.fields_by_name or method.descriptor.name in changes_nothing, method.path
