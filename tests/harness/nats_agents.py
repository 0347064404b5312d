"""A suite whose NATS lets agents in by their tokens, and agents on plain NATS connections."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import jwt
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from rookery.auth.v1 import (
    enrollment_service_pb2,
    enrollment_service_pb2_grpc,
    token_pb2,
    token_service_pb2,
    token_service_pb2_grpc,
)
from rookery.registry.v1 import agent_service_pb2
from rookery_kit.nkeys import AccountKey
from rookery_local.embedded_nats import CALLOUT_USER, SYSTEM_USER, EmbeddedNats

from harness.databases import FreshDatabase
from harness.free_ports import free_port
from harness.nats_server import PASSWORD, USERS, RestartableNats
from harness.suite import Suite, running_suite

M = TypeVar("M", bound=Message)
_SECONDS = 10.0


class NatsRefusal(Exception):
    """A call over NATS ended with another status than OK."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.code = status.code
        info = error_details_pb2.ErrorInfo()
        self.reason = next((info.reason for detail in status.details if detail.Unpack(info)), "")


@dataclass
class NatsSuite:
    """A running suite, and its NATS."""

    suite: Suite
    url: str
    server: EmbeddedNats

    async def enroll(self, *, roles: tuple[str, ...] = (), tenant: str = "default") -> token_pb2.TokenSet:
        """A new agent's identity."""
        enrollments = enrollment_service_pb2_grpc.EnrollmentServiceStub(self.suite.channel("auth"))
        created = await enrollments.CreateEnrollmentToken(
            enrollment_service_pb2.CreateEnrollmentTokenRequest(roles=roles),
            metadata=await self.suite.administrator(),
        )
        tokens = token_service_pb2_grpc.TokenServiceStub(self.suite.channel("auth"))
        request = token_service_pb2.IssueTokenRequest(enrollment_token=created.secret)
        return (await tokens.IssueToken(request)).token_set

    @asynccontextmanager
    async def agent(self, name: str, token_set: token_pb2.TokenSet | None = None) -> AsyncIterator["NatsAgent"]:
        """An agent on NATS, registered over NATS."""
        token_set = token_set or await self.enroll()
        async with connected(self.url, token_set) as agent:
            request = agent_service_pb2.RegisterAgentRequest(name=name)
            request.lease_duration.seconds = 600
            answer = await agent.call("AgentService", "RegisterAgent", request, agent_service_pb2.RegisterAgentResponse)
            agent.session_epoch = answer.agent.session_epoch
            yield agent


@dataclass
class NatsAgent:
    """An agent with nothing but a NATS client."""

    id: str
    token: str
    client: Client
    problems: list[str]
    session_epoch: int = 0
    tenant: str = "default"
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def subject(self, service: str, method: str) -> str:
        """Where the agent calls a method."""
        return f"rk.{self.tenant}.agent.{self.id}.call.{service}.{method}"

    async def call(self, service: str, method: str, request: Message, response_class: type[M], *, token: str = "") -> M:
        """Calls a method once. Raises NatsRefusal."""
        headers = {"authorization": f"Bearer {token or self.token}", "timeout-ms": "8000"}
        answer = await self.client.request(
            self.subject(service, method), request.SerializeToString(), timeout=_SECONDS, headers=headers
        )
        assert answer.headers is not None
        if answer.headers["grpc-status"] != "0":
            raise NatsRefusal(status_pb2.Status.FromString(answer.data))
        return response_class.FromString(answer.data)

    async def call_json(self, service: str, method: str, document: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Calls a method with JSON, and answers the status and the document."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        answer = await self.client.request(
            self.subject(service, method), json.dumps(document).encode(), timeout=_SECONDS, headers=headers
        )
        assert answer.headers is not None
        return answer.headers["grpc-status"], json.loads(answer.data)

    async def open(self, service: str, method: str, first: Message, response_class: type[M]) -> "NatsFrames":
        """Opens a stream."""
        frames = NatsFrames(self, response_class)
        await frames.open(self.subject(service, method), first)
        return frames


class NatsFrames(list[Any]):
    """The frames of one stream, by hand."""

    def __init__(self, agent: NatsAgent, response_class: type[Any]) -> None:
        super().__init__()
        self._agent = agent
        self._response_class = response_class
        self._subscription: Subscription | None = None
        self._sent = 1
        self.received = 0
        self.stream = ""
        self.pongs: list[int] = []

    async def open(self, subject: str, first: Message) -> None:
        """Sends the opening frame."""
        client = self._agent.client
        inbox = client.new_inbox()
        self._subscription = await client.subscribe(inbox)
        headers = {"authorization": f"Bearer {self._agent.token}"}
        await client.publish(subject, first.SerializeToString(), reply=inbox, headers=headers)

    async def next(self) -> Any:
        """The next frame; None at the end in good order. Raises NatsRefusal, or TimeoutError."""
        assert self._subscription is not None
        while True:
            message: Msg = await self._subscription.next_msg(timeout=_SECONDS)
            headers = message.headers or {}
            self.stream = headers.get("stream", self.stream)
            if "pong" in headers:
                self.pongs.append(int(headers["pong"]))
                continue
            if "frame" in headers:
                assert int(headers["frame"]) == self.received + 1
                self.received += 1
            if "grpc-status" in headers:
                if headers["grpc-status"] != "0":
                    raise NatsRefusal(status_pb2.Status.FromString(message.data))
                return None
            return self._response_class.FromString(message.data)

    async def send(self, frame: Message | None, *, number: int | None = None, **headers: str) -> None:
        """Sends a frame, the next one or with the number given; None ends the stream."""
        self._sent += 1
        headers = {"frame": str(number or self._sent), **headers}
        if frame is None:
            headers["end"] = "1"
        await self._publish(b"" if frame is None else frame.SerializeToString(), headers)

    async def ping(self, number: int | None = None) -> None:
        """Says that the agent is there, and how many frames it has sent."""
        await self._publish(b"", {"ping": str(number or self._sent)})

    async def _publish(self, data: bytes, headers: dict[str, str]) -> None:
        subject = f"rk.{self._agent.tenant}.agent.{self._agent.id}.stream.{self.stream}"
        await self._agent.client.publish(subject, data, headers=headers)


def token_id(token: str) -> str:
    """The id of an access token."""
    return str(jwt.decode(token, options={"verify_signature": False})["jti"])


@asynccontextmanager
async def connected(url: str, token_set: token_pb2.TokenSet) -> AsyncIterator[NatsAgent]:
    """A connection with an access token as its password."""
    agent_id = token_set.subject.partition(":")[2]
    problems: list[str] = []
    closed = asyncio.Event()

    async def on_error(error: Exception) -> None:
        problems.append(str(error))

    async def on_gone() -> None:
        closed.set()

    client = Client()
    try:
        await client.connect(
            url,
            user=agent_id,
            password=token_set.access_token,
            inbox_prefix=f"_INBOX.{agent_id}.{token_id(token_set.access_token)}".encode(),
            allow_reconnect=False,
            error_cb=on_error,
            closed_cb=on_gone,
            disconnected_cb=on_gone,
        )
        yield NatsAgent(agent_id, token_set.access_token, client, problems, tenant=token_set.tenant, closed=closed)
    finally:
        await client.close()


async def refused_connection(url: str, password: str) -> str:
    """The error with which a connection is refused."""
    client = Client()

    async def on_error(_error: Exception) -> None:
        """The attempt raises it, too."""

    try:
        await client.connect(
            url, user="somebody", password=password, allow_reconnect=False, error_cb=on_error, connect_timeout=5
        )
    except (NatsError, OSError) as error:
        return str(error)
    finally:
        await client.close()
    raise AssertionError("the connection was let in")


@pytest.fixture
def callout_settings() -> dict[str, str]:
    """Settings of auth beyond the defaults; a test module may replace this fixture."""
    return {}


@pytest.fixture
async def nats_suite(fresh_database: FreshDatabase, callout_settings: dict[str, str]) -> AsyncIterator[NatsSuite]:
    """Auth, registry and orchestrator, SERVING, with a NATS that asks auth about every stranger."""
    folder = Path(tempfile.mkdtemp(prefix="rk-nats-"))
    key = AccountKey.generate()
    seed = folder / "callout.seed"
    seed.write_text(key.seed)
    seed.chmod(0o600)
    port = free_port()
    users = dict.fromkeys((*USERS, CALLOUT_USER, SYSTEM_USER), PASSWORD)
    server = EmbeddedNats(folder, port=port, users=users, callout_issuer=key.public, sync_always=False)
    settings = {
        "NATS_CALLOUT_URL": server.url(CALLOUT_USER),
        "NATS_SYSTEM_URL": server.url(SYSTEM_USER),
        "NATS_CALLOUT_SEED_FILE": str(seed),
        **callout_settings,
    }
    try:
        await server.start()
        async with running_suite(
            fresh_database,
            RestartableNats(server),
            services=("auth", "registry", "orchestrator"),
            extra={"auth": settings},
        ) as suite:
            yield NatsSuite(suite, f"nats://127.0.0.1:{port}", server)
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)
