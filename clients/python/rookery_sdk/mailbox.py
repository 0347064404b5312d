"""Emptying the mailbox: one Receive stream after another, every message handled once in the life of the process."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rookery.orchestrator.v1 import credits_pb2, message_service_pb2

from rookery_sdk.frames import Outbound
from rookery_sdk.stop import Stop

# Runs the handler and answers what becomes of the delivery.
Handle = Callable[[message_service_pb2.Delivery], Awaitable[message_service_pb2.Settlement]]
_REMEMBERED = 10_000
_STILL_AT_IT_SECONDS = 5.0
_CONFIRMATION_SECONDS = 2.0
_MOST_SETTLEMENTS = 1000
_GATHERING_SECONDS = 0.005
_log = logging.getLogger("rookery_sdk")


class RecentIds:
    """The ids of the last messages that were handled, at most `most`."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()

    def add(self, message_id: str) -> None:
        """Remembers an id, and forgets the oldest beyond the bound."""
        self._ids[message_id] = None
        self._ids.move_to_end(message_id)
        if len(self._ids) > self._most:
            self._ids.popitem(last=False)

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._ids


@dataclass(slots=True)
class InHand:
    """A message that is being handled or waits for its turn. `delivery_id` is None when its stream has ended."""

    delivery_id: int | None
    handling: "asyncio.Task[None] | None" = None


class Mailbox:
    """The link of an agent that receives messages, at most `concurrency` in hand at a time.

    Messages of one sender are handled one after another in the order of delivery, those of different senders beside
    each other. A message whose acknowledgement was lost is acknowledged again when it comes again, not handled again.
    """

    def __init__(self, handle: Handle, *, concurrency: int, agent_version: str = "") -> None:
        self._agent_version = agent_version
        self._handle = handle
        self._concurrency = concurrency
        self._handled = RecentIds()
        self._in_hand: dict[str, InHand] = {}
        self._last_of_sender: dict[str, asyncio.Task[None]] = {}
        self._credits = 0
        self._draining = False
        self._held = False
        self._unsent: list[message_service_pb2.Settlement] = []
        self._gathering: asyncio.TimerHandle | None = None
        self._unconfirmed: set[int] = set()
        self._confirmed = asyncio.Event()
        self._confirmed.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._outbound: Outbound[message_service_pb2.ReceiveRequest] | None = None

    def opening(self, session_epoch: int) -> message_service_pb2.ReceiveRequest:
        """Opens the mailbox."""
        opening = message_service_pb2.OpenMailbox(session_epoch=session_epoch, agent_version=self._agent_version)
        return message_service_pb2.ReceiveRequest(open=opening)

    def attach(
        self,
        outbound: Outbound[message_service_pb2.ReceiveRequest],
        first: message_service_pb2.ReceiveResponse,
    ) -> None:
        """Grants credits."""
        self._outbound = outbound
        self._credits = 0
        self._grant()

    def detach(self) -> None:
        """What is in hand will be delivered again; its handling goes on."""
        self._outbound = None
        self._unsent.clear()
        for each in self._in_hand.values():
            each.delivery_id = None
        self._confirm(self._unconfirmed)

    def take(self, frame: message_service_pb2.ReceiveResponse) -> None:
        """Deliveries, or the word that settlements are stored."""
        if frame.HasField("deliveries"):
            for delivery in frame.deliveries.deliveries:
                self._credits -= 1
                self._take(delivery)
            self._grant()
        elif frame.HasField("settled"):
            self._confirm({*frame.settled.delivery_ids, *frame.settled.unknown_delivery_ids})

    async def beat(self) -> None:
        """Says for as long as it runs that what is in hand is still being worked at."""
        while True:
            await asyncio.sleep(_STILL_AT_IT_SECONDS)
            settlements = [
                message_service_pb2.Settlement(
                    delivery_id=each.delivery_id, in_progress=message_service_pb2.InProgress()
                )
                for each in self._in_hand.values()
                if each.delivery_id is not None
            ]
            self._send(settlements)

    def hold(self, *, held: bool) -> None:
        """Asks for nothing more while held. What has been asked for before still comes and is handled."""
        self._held = held
        self._grant()

    async def drain(self, stop: Stop, grace: float) -> None:
        """Asks for nothing more, gives `grace` seconds to handle what was asked for; the rest comes again."""
        self._draining = True
        await stop.spare(self._idle, grace)
        await self.abandon()
        if not await Stop().spare(self._confirmed, _CONFIRMATION_SECONDS):
            _log.warning("%d messages could not be settled; they will come again", len(self._unconfirmed))

    async def abandon(self) -> None:
        """Cancels every handler. The messages come again, to whoever opens the mailbox next."""
        self._draining = True
        handling = {each.handling for each in self._in_hand.values() if each.handling is not None}
        for each in handling:
            each.cancel()
        if handling:
            await asyncio.wait(handling, timeout=_CONFIRMATION_SECONDS)

    def _take(self, delivery: message_service_pb2.Delivery) -> None:
        message = delivery.message
        if message.id in self._handled:
            self._settle(
                message_service_pb2.Settlement(delivery_id=delivery.delivery_id, ack=message_service_pb2.Ack())
            )
            return
        if message.id in self._in_hand:
            self._in_hand[message.id].delivery_id = delivery.delivery_id
            return
        in_hand = InHand(delivery.delivery_id)
        self._in_hand[message.id] = in_hand
        self._idle.clear()
        before = self._last_of_sender.get(message.sender)
        in_hand.handling = asyncio.create_task(
            self._run(delivery, in_hand, before), name=f"rookery message {message.id}"
        )
        self._last_of_sender[message.sender] = in_hand.handling

    async def _run(
        self, delivery: message_service_pb2.Delivery, in_hand: InHand, before: "asyncio.Task[None] | None"
    ) -> None:
        message = delivery.message
        try:
            if before is not None:
                await asyncio.wait({before})
            settlement = await self._handle(delivery)
            if settlement.HasField("ack"):
                self._handled.add(message.id)
            if in_hand.delivery_id is not None:
                settlement.delivery_id = in_hand.delivery_id
                self._settle(settlement)
        finally:
            del self._in_hand[message.id]
            if not self._in_hand:
                self._idle.set()
            if self._last_of_sender.get(message.sender) is asyncio.current_task():
                del self._last_of_sender[message.sender]
            self._grant()

    def _settle(self, settlement: message_service_pb2.Settlement) -> None:
        if self._outbound is not None:
            self._unconfirmed.add(settlement.delivery_id)
            self._confirmed.clear()
            self._unsent.append(settlement)
            if self._gathering is None:
                self._send_gathered()

    def _send_gathered(self) -> None:
        """Sends at once what comes alone; what comes soon after shares a frame."""
        self._gathering = None
        if self._unsent:
            self._send(self._unsent)
            self._unsent.clear()
            self._gathering = asyncio.get_running_loop().call_later(_GATHERING_SECONDS, self._send_gathered)

    def _confirm(self, delivery_ids: set[int]) -> None:
        self._unconfirmed -= delivery_ids
        if not self._unconfirmed:
            self._confirmed.set()

    def _send(self, settlements: list[message_service_pb2.Settlement]) -> None:
        if self._outbound is None:
            return
        for begin in range(0, len(settlements), _MOST_SETTLEMENTS):
            frame = message_service_pb2.SettleDeliveries(settlements=settlements[begin : begin + _MOST_SETTLEMENTS])
            self._outbound.send(message_service_pb2.ReceiveRequest(settle=frame))

    def _grant(self) -> None:
        """Grants what is free, once that is more than is granted still: not a frame for each message."""
        count = self._concurrency - len(self._in_hand) - self._credits
        if self._outbound is None or self._draining or self._held or count <= self._credits:
            return
        self._credits += count
        self._outbound.send(message_service_pb2.ReceiveRequest(credits=credits_pb2.GrantCredits(count=count)))
