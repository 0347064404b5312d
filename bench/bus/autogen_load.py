"""The peer on AutoGen, a process of its own in the environment of the peers: an agent asks, another one answers.

Each has a worker runtime of its own, so that every message and every answer goes through the host. Each line of
standard input is an Order as JSON; each is answered by a Result as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from autogen_core import (
    AgentId,
    MessageContext,
    RoutedAgent,
    message_handler,
    try_get_known_serializers_for_type,
)
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime

from bench.bus.orders import PAYLOAD_BYTES, Order, Result, result

_IN_FLIGHT = 64
_LONGEST_SECONDS = 50.0
_ASKER, _ANSWERER = AgentId("asker", "bench"), AgentId("answerer", "bench")
_PADDING = " " * (PAYLOAD_BYTES - 8)


@dataclass
class Mail:
    """What is sent; AutoGen carries it as JSON."""

    sent: float
    padding: str


@dataclass
class Receipt:
    """What comes back: how many seconds the mail was on its way."""

    way: float


class Asker(RoutedAgent):  # type: ignore[misc]  # its library is not in the environment that is checked
    """Sends mail and waits for each receipt."""

    async def ask(self, count: int) -> list[float]:
        """Sends so many, some at a time, and answers the ways of all."""
        ways: list[float] = []
        numbers = iter(range(count))

        async def one_by_one() -> None:
            for _ in numbers:
                receipt: Receipt = await self.send_message(Mail(time.perf_counter(), _PADDING), _ANSWERER)
                ways.append(receipt.way)

        await asyncio.gather(*(one_by_one() for _ in range(_IN_FLIGHT)))
        return ways


class Answerer(RoutedAgent):  # type: ignore[misc]  # as above
    """Answers mail."""

    @message_handler  # type: ignore[untyped-decorator]  # as above
    async def answer(self, message: Mail, ctx: MessageContext) -> Receipt:
        """A receipt for each."""
        return Receipt(time.perf_counter() - message.sent)


@asynccontextmanager
async def worker(address: str) -> AsyncIterator[GrpcWorkerAgentRuntime]:
    """A worker runtime that is connected to the host and knows the messages."""
    runtime = GrpcWorkerAgentRuntime(address)
    runtime.add_message_serializer(try_get_known_serializers_for_type(Mail))
    runtime.add_message_serializer(try_get_known_serializers_for_type(Receipt))
    await runtime.start()
    try:
        yield runtime
    finally:
        await runtime.stop()


async def obey() -> None:
    """Takes orders, all for one host, until standard input ends."""
    line = await asyncio.to_thread(sys.stdin.readline)
    if not line:
        return
    target = Order(**json.loads(line)).target
    async with worker(target) as asking, worker(target) as answering:
        asker = Asker("asks")
        await asker.register_instance(asking, _ASKER)
        await Answerer("answers").register_instance(answering, _ANSWERER)
        while line:
            print(json.dumps(asdict(await carry_out(asker, Order(**json.loads(line))))), flush=True)
            line = await asyncio.to_thread(sys.stdin.readline)


async def carry_out(asker: Asker, order: Order) -> Result:
    """Sends until every answer is back."""
    begun = time.perf_counter()
    async with asyncio.timeout(_LONGEST_SECONDS):
        ways = await asker.ask(order.count)
    return result(order.count, time.perf_counter() - begun, ways)


if __name__ == "__main__":
    asyncio.run(obey())
