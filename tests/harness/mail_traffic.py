"""Senders and a receiver at the wire, whose history is judged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from uuid import NAMESPACE_OID, uuid4, uuid5

import grpc
from google.protobuf.duration_pb2 import Duration
from rookery.orchestrator.v1 import message_pb2, message_service_pb2

from harness.eventually import eventually
from harness.history import History, Kind, Lane, Note
from harness.mailbox_service import HIGH, LOW, NORMAL, MailAgent, MailService, ReceiveClient, acked, text

_WITHIN = 90.0
_GRANT = 100
_PRIORITIES = {"high": HIGH, "normal": NORMAL, "low": LOW}


class MailTraffic:
    """Mail of several senders to one agent, by one replica after the other.

    A message that was not accepted is sent again under its id, before any later one of its lane. The receiver acts upon
    each message once, and acknowledges it as often as it comes.
    """

    def __init__(self, agent: MailAgent, *replicas: MailService) -> None:
        self.agent = agent
        self._replicas = replicas
        self._place = 0
        self._receiver: ReceiveClient | None = None
        self.history = History()
        self._run = str(uuid4())
        self._done: set[str] = set()
        self._enough = False

    @asynccontextmanager
    async def flowing(
        self, *priorities: str, senders: int = 2, time_to_live: Duration | None = None
    ) -> AsyncIterator[None]:
        """Senders and a receiver at work within the block; at its end all that was accepted has been handled."""
        async with asyncio.TaskGroup() as group:
            receiving = group.create_task(self._receive())
            sending = [
                group.create_task(self._send_all(Lane(f"sender-{number}", self.agent.name, priority), time_to_live))
                for number in range(senders)
                for priority in priorities
            ]
            yield
            self._enough = True
            await asyncio.wait(sending)
            await eventually(lambda: not self.history.unfinished(), within=_WITHIN)
            receiving.cancel()

    def move(self) -> None:
        """Has the receiver leave its stream with all that is in flight, for one with the next replica."""
        self._place += 1
        if self._receiver is not None:
            self._receiver.call.cancel()

    async def more(self, messages: int) -> None:
        """Waits until so many more have been handled."""
        goal = len(self._done) + messages
        await eventually(lambda: len(self._done) >= goal, within=_WITHIN)

    async def _send_all(self, lane: Lane, time_to_live: Duration | None) -> None:
        for number in count(1):
            message_id = str(uuid5(NAMESPACE_OID, "/".join((self._run, *lane, str(number)))))
            note = Note(Kind.SENDING, message_id, lane, number)
            self.history.add(note)
            mail = self._replicas[number % len(self._replicas)]

            async def accepted(mail: MailService = mail, note: Note = note) -> bool:
                await mail.send(
                    self.agent,
                    "/".join((*note.lane, str(note.number))),
                    metadata=mail.mint.bearer(subject=f"user:{note.lane.sender}"),
                    message_id=note.message_id,
                    priority=_PRIORITIES[note.lane.priority],
                    time_to_live=time_to_live,
                )
                return True

            await eventually(accepted, within=_WITHIN, retry=(grpc.aio.AioRpcError,))
            self.history.add(replace(note, kind=Kind.ACCEPTED))
            if self._enough:
                return

    async def _receive(self) -> None:
        while True:
            self._receiver = receiver = await eventually(
                self._opened, within=_WITHIN, retry=(grpc.aio.AioRpcError, AssertionError)
            )
            try:
                await self._take_all(receiver)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                continue
            except asyncio.CancelledError:
                # So gRPC says that the call was cancelled, too.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
            finally:
                receiver.call.cancel()

    async def _opened(self) -> ReceiveClient:
        receiver = self._replicas[self._place % len(self._replicas)].receiver(self.agent)
        await receiver.open(self.agent)
        await receiver.opened()
        await receiver.grant(_GRANT)
        return receiver

    async def _take_all(self, receiver: ReceiveClient) -> None:
        out: dict[int, Note] = {}
        while (frame := await receiver.call.read()) is not grpc.aio.EOF:
            assert isinstance(frame, message_service_pb2.ReceiveResponse)
            for delivery in frame.deliveries.deliveries:
                out[delivery.delivery_id] = self._act(delivery.message, delivery.attempt, text(delivery))
            for delivery_id in frame.settled.delivery_ids:
                self.history.add(out.pop(delivery_id))
            if deliveries := frame.deliveries.deliveries:
                await receiver.settle(*(acked(delivery) for delivery in deliveries))
                await receiver.grant(len(deliveries))

    def _act(self, message: message_pb2.Message, attempt: int, said: str) -> Note:
        """Notes that a message came, and acts upon it the first time; answers what to note once that is settled."""
        *lane, number = said.split("/")
        note = Note(Kind.DELIVERED, message.id, Lane(*lane), int(number), attempt)
        self.history.add(note)
        if message.id not in self._done:
            self._done.add(message.id)
            self.history.add(Note(Kind.EFFECT, message.id, note.lane, note.number))
        return Note(Kind.SETTLED, message.id, note.lane, note.number)
