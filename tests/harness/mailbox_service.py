"""The mailboxes of an orchestrator inside the test, and agents that receive by hand."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc
from rookery.orchestrator.v1 import (
    credits_pb2,
    message_pb2,
    message_service_pb2,
    message_service_pb2_grpc,
    payload_pb2,
    topic_service_pb2_grpc,
)
from rookery_kit.foundation import Foundation
from rookery_kit.lifecycle import Service
from rookery_orchestrator.directory import AgentUnknown, KnownAgent, Metadata
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.session_errors import SessionSuperseded
from rookery_orchestrator.settings import OrchestratorSettings
from rookery_orchestrator.topics.model import Selector

from harness.clocks import ShiftedClock
from harness.databases import FreshDatabase
from harness.in_process import running
from harness.mail_composition import compose_messages
from harness.nats_server import Reachable
from harness.orchestrator_service import orchestrator_settings
from harness.tokens import Bearer, TokenMint

HIGH, NORMAL, LOW = message_pb2.PRIORITY_HIGH, message_pb2.PRIORITY_NORMAL, message_pb2.PRIORITY_LOW
QUICK = DeliveryPolicy(ack_wait=2.0, max_deliveries=3, nack_backoff=(0.05, 0.4))
_FRAME_SECONDS = 10.0
_MESSAGES = ("messages:send", "messages:receive", "messages:broadcast")
_TOPICS = ("topics:create", "topics:read", "topics:join", "topics:publish", "topics:subscribe")


class KnownAgents:
    """The agents that the test knows."""

    def __init__(self) -> None:
        self._agents: dict[tuple[str, str], KnownAgent] = {}

    def add(self, agent: KnownAgent) -> None:
        """Takes an agent in, or anew."""
        self._agents[agent.tenant, agent.id] = agent

    async def find(self, tenant: str, agent_id: str, _forward: Metadata) -> KnownAgent:
        """The agent of an id."""
        try:
            return self._agents[tenant, agent_id]
        except KeyError:
            raise AgentUnknown(agent_id) from None

    async def find_by_name(self, tenant: str, name: str, _forward: Metadata) -> KnownAgent:
        """The agent of a name."""
        for agent in self._agents.values():
            if (agent.tenant, agent.name) == (tenant, name):
                return agent
        raise AgentUnknown(name)

    async def select(self, selector: Selector, limit: int, _forward: Metadata) -> list[str]:
        """The agents that fit; those of the test have no labels."""
        fitting = [
            agent.id
            for agent in self._agents.values()
            if not selector.labels and (not selector.capability or selector.capability in agent.capabilities)
        ]
        return fitting[:limit]

    async def session(self, tenant: str, agent_id: str, session_epoch: int, forward: Metadata) -> KnownAgent:
        """The agent, unless it has a later session."""
        agent = await self.find(tenant, agent_id, forward)
        if agent.session_epoch > session_epoch:
            raise SessionSuperseded
        return agent


@dataclass(frozen=True)
class MailAgent:
    """An agent of the test's, with the metadata of its calls."""

    id: str
    name: str
    session_epoch: int
    metadata: Bearer


class ReceiveClient:
    """An agent at the wire: sends frames, waits for frames. Deliveries are handed out one by one."""

    def __init__(self, call: "grpc.aio.StreamStreamCall[Any, Any]") -> None:
        self.call = call
        self._delivered: list[message_service_pb2.Delivery] = []
        self._settled: list[message_service_pb2.Settled] = []

    async def send(self, **frame: object) -> None:
        """Sends one frame."""
        await self.call.write(message_service_pb2.ReceiveRequest(**frame))  # type: ignore[arg-type]

    async def grant(self, count: int) -> None:
        """Grants credits."""
        await self.send(credits=credits_pb2.GrantCredits(count=count))

    async def delivery(self, within: float = _FRAME_SECONDS) -> message_service_pb2.Delivery:
        """The next delivery. Raises the error of the stream, or TimeoutError."""
        async with asyncio.timeout(within):
            while not self._delivered:
                await self._read()
        return self._delivered.pop(0)

    async def deliveries(self, count: int) -> list[message_service_pb2.Delivery]:
        """The next deliveries."""
        return [await self.delivery() for _ in range(count)]

    async def settled(self) -> message_service_pb2.Settled:
        """The next confirmation of settlements."""
        async with asyncio.timeout(_FRAME_SECONDS):
            while not self._settled:
                await self._read()
        return self._settled.pop(0)

    async def settle(self, *settlements: message_service_pb2.Settlement) -> None:
        """Settles, without waiting for the confirmation."""
        await self.send(settle=message_service_pb2.SettleDeliveries(settlements=settlements))

    async def ack(self, *deliveries: message_service_pb2.Delivery) -> None:
        """Acknowledges, and waits until that is stored."""
        await self.settle(*(acked(delivery) for delivery in deliveries))
        waiting = {delivery.delivery_id for delivery in deliveries}
        while waiting:
            waiting -= set((await self.settled()).delivery_ids)

    @property
    def undelivered(self) -> int:
        """How many deliveries have arrived that nobody has asked for here."""
        return len(self._delivered)

    async def ended(self) -> None:
        """Waits for the end of the stream, which must be in good order."""
        async with asyncio.timeout(_FRAME_SECONDS):
            while await self.call.read() is not grpc.aio.EOF:
                pass
            assert await self.call.code() is grpc.StatusCode.OK, await self.call.details()

    async def error(self) -> grpc.aio.AioRpcError:
        """The error with which the stream ends; frames before it are passed over."""
        try:
            async with asyncio.timeout(_FRAME_SECONDS):
                while await self.call.read() is not grpc.aio.EOF:
                    pass
        except grpc.aio.AioRpcError as error:
            return error
        raise AssertionError(f"the stream ended in good order: {await self.call.code()}")

    async def open(self, agent: MailAgent) -> None:
        """Sends the first frame."""
        await self.send(open=message_service_pb2.OpenMailbox(session_epoch=agent.session_epoch))

    async def opened(self) -> None:
        """Waits for the frame that says so. Raises the error of the stream."""
        frame = await asyncio.wait_for(self._frame(), _FRAME_SECONDS)
        assert frame.HasField("opened"), frame

    async def _frame(self) -> message_service_pb2.ReceiveResponse:
        frame = await self.call.read()
        if frame is grpc.aio.EOF:
            raise AssertionError(f"the stream has ended: {await self.call.code()} {await self.call.details()}")
        assert isinstance(frame, message_service_pb2.ReceiveResponse)
        return frame

    async def _read(self) -> None:
        frame = await self._frame()
        if frame.HasField("deliveries"):
            self._delivered.extend(frame.deliveries.deliveries)
        elif frame.HasField("settled"):
            self._settled.append(frame.settled)


def acked(delivery: message_service_pb2.Delivery) -> message_service_pb2.Settlement:
    """The settlement of a delivery that is done with."""
    return message_service_pb2.Settlement(delivery_id=delivery.delivery_id, ack=message_service_pb2.Ack())


def nacked(delivery: message_service_pb2.Delivery, **fields: object) -> message_service_pb2.Settlement:
    """The settlement of a delivery that is to come again."""
    nack = message_service_pb2.Nack(**fields)  # type: ignore[arg-type]
    return message_service_pb2.Settlement(delivery_id=delivery.delivery_id, nack=nack)


def terminated(delivery: message_service_pb2.Delivery, reason: str = "") -> message_service_pb2.Settlement:
    """The settlement of a delivery that is given up."""
    return message_service_pb2.Settlement(
        delivery_id=delivery.delivery_id, terminate=message_service_pb2.Terminate(reason=reason)
    )


def in_progress(delivery: message_service_pb2.Delivery) -> message_service_pb2.Settlement:
    """The settlement of a delivery at which the agent still is."""
    return message_service_pb2.Settlement(
        delivery_id=delivery.delivery_id, in_progress=message_service_pb2.InProgress()
    )


def text(delivery: message_service_pb2.Delivery) -> str:
    """What a delivery says."""
    return delivery.message.payload.data.decode()


def texts(deliveries: Iterable[message_service_pb2.Delivery]) -> list[str]:
    """What deliveries say."""
    return [text(delivery) for delivery in deliveries]


@dataclass
class MailService:
    """The stub of a running service with mailboxes."""

    mint: TokenMint
    agents: KnownAgents
    channel: grpc.aio.Channel
    messages: "message_service_pb2_grpc.MessageServiceAsyncStub"
    topics: "topic_service_pb2_grpc.TopicServiceAsyncStub"

    def agent(
        self, name: str = "scribe", *capabilities: str, tenant: str = "default", session_epoch: int = 1
    ) -> MailAgent:
        """A registered agent."""
        agent_id = str(uuid4())
        self.agents.add(KnownAgent(agent_id, tenant, name, capabilities, True, session_epoch, 1))
        metadata = self.mint.bearer(tenant=tenant, subject=f"agent:{agent_id}", permissions=(*_MESSAGES, *_TOPICS))
        return MailAgent(agent_id, name, session_epoch, metadata)

    async def begin_session(self, agent: MailAgent) -> MailAgent:
        """The same agent, registered anew."""
        known = await self.agents.find("default", agent.id, ())
        self.agents.add(replace(known, session_epoch=known.session_epoch + 1))
        return replace(agent, session_epoch=known.session_epoch + 1)

    async def send(
        self, agent: MailAgent, data: str = "hello", *, metadata: Bearer | None = None, **fields: object
    ) -> message_service_pb2.SendMessageResponse:
        """Sends a message as the administrator, or with the metadata given."""
        request = message_service_pb2.SendMessageRequest(
            recipient_agent_id=agent.id,
            payload=payload_pb2.Payload(content_type="text/plain", data=data.encode()),
            **fields,  # type: ignore[arg-type]
        )
        return await self.messages.SendMessage(request, metadata=metadata or self.mint.bearer())

    def receiver(self, agent: MailAgent) -> ReceiveClient:
        """A Receive stream of an agent."""
        return ReceiveClient(self.messages.Receive(metadata=agent.metadata))

    @asynccontextmanager
    async def receiving(self, agent: MailAgent, *, grant: int = 0) -> AsyncIterator[ReceiveClient]:
        """An opened mailbox; the stream is cancelled in the end."""
        client = self.receiver(agent)
        try:
            await client.open(agent)
            await client.opened()
            if grant:
                await client.grant(grant)
            yield client
        finally:
            client.call.cancel()


@asynccontextmanager
async def running_mail_service(
    database: FreshDatabase,
    nats: Reachable,
    *,
    policy: DeliveryPolicy = QUICK,
    agents: KnownAgents | None = None,
    mint: TokenMint | None = None,
    ahead: timedelta = timedelta(),
    **fields: Any,
) -> AsyncIterator[MailService]:
    """Serves until the block ends, by a clock so far `ahead`. Those given the same agents and mint are replicas."""
    agents, mint = agents or KnownAgents(), mint or TokenMint()

    async def compose(_settings: OrchestratorSettings, foundation: Foundation) -> Service:
        return await compose_messages(replace(foundation, clock=ShiftedClock(ahead)), agents, policy)

    settings = orchestrator_settings(database, nats, "127.0.0.1:0", **fields)
    async with running(settings, mint.trusted_by(compose)) as channel:
        yield mail_service_at(channel, mint, agents)


def mail_service_at(channel: grpc.aio.Channel, mint: TokenMint, agents: KnownAgents) -> MailService:
    """The stub on a channel."""
    messages = message_service_pb2_grpc.MessageServiceStub(channel)
    return MailService(mint, agents, channel, messages, topic_service_pb2_grpc.TopicServiceStub(channel))
