"""The load generator, a process of its own: a sender and receivers over gRPC.

Each line of standard input is an Order as JSON; each is answered by a Result as JSON. Receivers are opened when they
are first named and stay open.
"""

import asyncio
import json
import struct
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import Any
from uuid import uuid4

import grpc
import uvloop
from rookery.orchestrator.v1 import message_service_pb2, message_service_pb2_grpc, payload_pb2

from bench.bus.orders import PAYLOAD_BYTES, Order, Result, result
from bench.bus.receiver import Receiver

_BATCH = 100
_SINGLES_IN_FLIGHT = 64
_STREAMS_A_CHANNEL = 90
_OPENING_AT_ONCE = 32
_PADDING = bytes(PAYLOAD_BYTES - 8)


class Arrivals:
    """What has been delivered and what has been confirmed, over all receivers."""

    def __init__(self) -> None:
        self.ways: list[float] = []
        self._expected = 0
        self._settled = 0
        self._all = asyncio.Event()

    def expect(self, count: int) -> None:
        """Begins anew."""
        self.ways, self._expected, self._settled = [], count, 0
        self._all.clear()

    def settled(self, count: int) -> None:
        """Counts acknowledgements that are certain."""
        self._settled += count
        if self._settled >= self._expected:
            self._all.set()

    async def all(self) -> None:
        """Waits until as many as expected are certain."""
        await self._all.wait()


class Target:
    """The orchestrator under load, a replica or several."""

    def __init__(self, ports: str) -> None:
        self._ports = ports.split(",")
        self._channels: dict[tuple[str, int], grpc.aio.Channel] = {}
        self._receivers: dict[str, asyncio.Task[None]] = {}
        self._opening = asyncio.Semaphore(_OPENING_AT_ONCE)
        self.arrivals = Arrivals()

    def stub(self, number: int) -> Any:  # noqa: ANN401 -- the stubs of grpc.aio are not typed at run time
        """A stub for the so many'th stream: HTTP/2 servers take some hundred streams on a connection."""
        port, place = self._ports[number % len(self._ports)], number // len(self._ports) // _STREAMS_A_CHANNEL
        if (port, place) not in self._channels:
            options = [("grpc.use_local_subchannel_pool", 1)]
            self._channels[port, place] = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options)
        return message_service_pb2_grpc.MessageServiceStub(self._channels[port, place])

    async def receive(self, receivers: list[Mapping[str, str]]) -> None:
        """Opens the receivers that are not open yet."""
        opened: list[asyncio.Future[None]] = []
        for receiver in receivers:
            if receiver["id"] not in self._receivers:
                ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                stub = self.stub(1 + len(self._receivers))
                self._receivers[receiver["id"]] = asyncio.create_task(self._receive(stub, receiver["token"], ready))
                opened.append(ready)
        await asyncio.gather(*opened)

    async def _receive(self, stub: Any, token: str, ready: "asyncio.Future[None]") -> None:  # noqa: ANN401 -- as above
        receiver = Receiver(stub, token, self._delivered, self.arrivals.settled)
        async with self._opening:
            await receiver.open()
        ready.set_result(None)
        await receiver.run()

    def _delivered(self, seconds: float) -> None:
        self.arrivals.ways.append(seconds)

    async def carry_out(self, order: Order) -> Result:
        """Sends and receives until every acknowledgement is certain."""
        await self.receive(list(order.receivers))
        self.arrivals.expect(order.count)
        begun = time.perf_counter()
        await _SHAPES[order.shape](self.stub(0), order)
        await self.arrivals.all()
        return result(order.count, time.perf_counter() - begun, self.arrivals.ways)


def _message(order: Order, number: int) -> message_service_pb2.SendMessageRequest:
    return message_service_pb2.SendMessageRequest(
        message_id=str(uuid4()),
        recipient_agent_id=order.receivers[number % len(order.receivers)]["id"],
        payload=payload_pb2.Payload(
            content_type="application/octet-stream", data=struct.pack("d", time.perf_counter()) + _PADDING
        ),
    )


def _bearer(order: Order) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {order.sender}"),)


async def _batches(stub: Any, order: Order) -> None:  # noqa: ANN401 -- as above
    room = asyncio.Semaphore(order.batches_in_flight)
    size = max(1, order.a_second // 100) if order.a_second else _BATCH
    begun = time.perf_counter()

    async def batches() -> AsyncIterator[message_service_pb2.SendMessagesRequest]:
        for number in range(0, order.count, size):
            if order.a_second:
                await asyncio.sleep(max(0.0, begun + number / order.a_second - time.perf_counter()))
            await room.acquire()
            end = min(number + size, order.count)
            yield message_service_pb2.SendMessagesRequest(
                messages=[_message(order, each) for each in range(number, end)]
            )

    answered = 0
    async for answer in stub.SendMessages(batches(), metadata=_bearer(order)):
        _require_accepted(answer)
        # The results of several batches may come in one frame.
        answered += len(answer.results)
        while answered >= size:
            answered -= size
            room.release()


def _require_accepted(answer: message_service_pb2.SendMessagesResponse) -> None:
    if refused := [each.error.message for each in answer.results if each.HasField("error")]:
        raise RuntimeError(f"{len(refused)} messages were refused: {refused[0]}")


async def _singles(stub: Any, order: Order) -> None:  # noqa: ANN401 -- as above
    numbers = iter(range(order.count))

    async def sender() -> None:
        for number in numbers:
            await stub.SendMessage(_message(order, number), metadata=_bearer(order), timeout=30)

    await asyncio.gather(*(sender() for _ in range(_SINGLES_IN_FLIGHT)))


async def _paced(stub: Any, order: Order) -> None:  # noqa: ANN401 -- as above
    async def messages() -> AsyncIterator[message_service_pb2.SendMessagesRequest]:
        begun = time.perf_counter()
        for number in range(order.count):
            await asyncio.sleep(max(0.0, begun + number / order.a_second - time.perf_counter()))
            yield message_service_pb2.SendMessagesRequest(messages=[_message(order, number)])

    async for answer in stub.SendMessages(messages(), metadata=_bearer(order)):
        _require_accepted(answer)


async def _paced_calls(stub: Any, order: Order) -> None:  # noqa: ANN401 -- as above
    begun = time.perf_counter()
    sending = []
    for number in range(order.count):
        await asyncio.sleep(max(0.0, begun + number / order.a_second - time.perf_counter()))
        call = stub.SendMessage(_message(order, number), metadata=_bearer(order), timeout=30)
        sending.append(asyncio.ensure_future(_answer(call)))
    await asyncio.gather(*sending)


async def _answer(call: Any) -> None:  # noqa: ANN401 -- as above
    await call


_SHAPES = {
    "batched": _batches,
    "paced_batches": _batches,
    "single": _singles,
    "paced": _paced,
    "paced_calls": _paced_calls,
}


async def obey() -> None:
    """Takes orders until standard input ends."""
    targets: dict[str, Target] = {}
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = Order(**json.loads(line))
        target = targets.setdefault(order.target, Target(order.target))
        print(json.dumps(asdict(await target.carry_out(order))), flush=True)


if __name__ == "__main__":
    uvloop.run(obey())
