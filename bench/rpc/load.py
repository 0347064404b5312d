"""The load generator, a process of its own, bounded in time and in count.

Each line of standard input is a LoadOrder as JSON; each is answered by a LoadResult as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

import grpc
import uvloop

from bench.rpc.contract import SERVICE, message_class
from bench.rpc.echo import one_frame, one_message

_DEADLINE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """What to send where. It ends after `seconds` or `most` calls or frames, whichever comes first.

    `in_flight` is how many calls, or frames on the one stream, wait for their answer at any time. `metadata` travels
    with each call; unary calls have a deadline of 30 s.
    """

    port: int
    shape: Literal["unary", "stream"]
    in_flight: int
    seconds: float
    most: int
    metadata: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class LoadResult:
    """How many calls or frames were answered in how many seconds, and the median latency of one."""

    answered: int
    seconds: float
    p50_ms: float


class Course:
    """Decides when the load ends, and keeps the latencies."""

    def __init__(self, order: LoadOrder) -> None:
        self._begun = time.perf_counter()
        self._end = self._begun + order.seconds
        self._left = order.most
        self._latencies: list[float] = []

    def goes_on(self) -> bool:
        """Whether to send one more, which counts."""
        self._left -= 1
        return self._left >= 0 and time.perf_counter() < self._end

    def answered(self, sent_at: float) -> None:
        """Counts an answer."""
        self._latencies.append(time.perf_counter() - sent_at)

    def result(self) -> LoadResult:
        """The sum of it."""
        seconds = time.perf_counter() - self._begun
        return LoadResult(len(self._latencies), seconds, median(self._latencies) * 1000)


async def unary(channel: grpc.aio.Channel, order: LoadOrder) -> LoadResult:
    """Keeps `in_flight` calls on their way."""
    call: Any = channel.unary_unary(
        f"/{SERVICE}/Echo",
        request_serializer=message_class("EchoRequest").SerializeToString,
        response_deserializer=message_class("EchoResponse").FromString,
    )
    request = one_message()
    metadata = tuple(map(tuple, order.metadata))
    course = Course(order)

    async def caller() -> None:
        while course.goes_on():
            sent_at = time.perf_counter()
            await call(request, metadata=metadata, timeout=_DEADLINE_SECONDS)
            course.answered(sent_at)

    await asyncio.gather(*(caller() for _ in range(order.in_flight)))
    return course.result()


async def stream(channel: grpc.aio.Channel, order: LoadOrder) -> LoadResult:
    """Keeps `in_flight` frames on their way over one stream."""
    call: Any = channel.stream_stream(
        f"/{SERVICE}/EchoStream",
        request_serializer=message_class("EchoStreamRequest").SerializeToString,
        response_deserializer=message_class("EchoStreamResponse").FromString,
    )
    frame = one_frame()
    room = asyncio.Semaphore(order.in_flight)
    sent: asyncio.Queue[float] = asyncio.Queue()
    course = Course(order)

    async def frames() -> AsyncIterator[Any]:
        while course.goes_on():
            await room.acquire()
            sent.put_nowait(time.perf_counter())
            yield frame

    async for _ in call(frames(), metadata=tuple(map(tuple, order.metadata))):
        course.answered(sent.get_nowait())
        room.release()
    return course.result()


_SHAPES: dict[str, Callable[[grpc.aio.Channel, LoadOrder], Awaitable[LoadResult]]] = {"unary": unary, "stream": stream}


async def obey() -> None:
    """Takes orders until standard input ends. One connection to each port is opened and kept."""
    channels: dict[int, grpc.aio.Channel] = {}
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = LoadOrder(**json.loads(line))
        if order.port not in channels:
            channels[order.port] = grpc.aio.insecure_channel(f"127.0.0.1:{order.port}")
            await asyncio.wait_for(channels[order.port].channel_ready(), timeout=10)
        result = await _SHAPES[order.shape](channels[order.port], order)
        print(json.dumps(asdict(result)), flush=True)
    for channel in channels.values():
        await channel.close()


if __name__ == "__main__":
    uvloop.run(obey())
