"""The baseline, a process of its own: one publisher and one consumer on nats-py, each message published by itself.

Each line of standard input is an Order as JSON; each is answered by a Result as JSON.
"""

import asyncio
import json
import struct
import sys
import time
from contextlib import suppress
from dataclasses import asdict

import nats
import uvloop
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from bench.bus.orders import PAYLOAD_BYTES, Order, Result, result

_STREAM, _SUBJECT, _CONSUMER = "RAW", "raw.mail", "raw"
_IN_FLIGHT = 256
_FETCH = 100
_PADDING = bytes(PAYLOAD_BYTES - 8)


async def carry_out(order: Order) -> Result:
    """Publishes and consumes until all is acknowledged and the stream empty."""
    client = await nats.connect(order.target, pending_size=64 * 1024 * 1024)
    jetstream = client.jetstream(timeout=30)
    with suppress(NotFoundError):
        await jetstream.delete_stream(_STREAM)
    await jetstream.add_stream(
        StreamConfig(name=_STREAM, subjects=[_SUBJECT], retention=RetentionPolicy.WORK_QUEUE, storage=StorageType.FILE)
    )
    await jetstream.add_consumer(_STREAM, ConsumerConfig(durable_name=_CONSUMER, max_ack_pending=-1))
    begun = time.perf_counter()
    receiving = asyncio.create_task(_receive(jetstream, order.count))
    await (_pace(jetstream, order) if order.a_second else _pour(jetstream, order.count))
    ways = await receiving
    while (await jetstream.consumer_info(_STREAM, _CONSUMER)).num_ack_pending:  # noqa: ASYNC110 -- the server tells nobody
        await asyncio.sleep(0.001)
    seconds = time.perf_counter() - begun
    await jetstream.delete_stream(_STREAM)
    await client.close()
    return result(order.count, seconds, ways)


def _payload() -> bytes:
    return struct.pack("d", time.perf_counter()) + _PADDING


async def _pour(jetstream: JetStreamContext, count: int) -> None:
    room = asyncio.Semaphore(_IN_FLIGHT)

    async def publish() -> None:
        async with room:
            await jetstream.publish(_SUBJECT, _payload())

    await asyncio.gather(*(publish() for _ in range(count)))


async def _pace(jetstream: JetStreamContext, order: Order) -> None:
    begun = time.perf_counter()
    publishing: list[asyncio.Future[object]] = []
    for number in range(order.count):
        await asyncio.sleep(max(0.0, begun + number / order.a_second - time.perf_counter()))
        publishing.append(asyncio.ensure_future(jetstream.publish(_SUBJECT, _payload())))
    await asyncio.gather(*publishing)


async def _receive(jetstream: JetStreamContext, count: int) -> list[float]:
    subscription = await jetstream.pull_subscribe_bind(stream=_STREAM, durable=_CONSUMER)
    ways: list[float] = []
    while len(ways) < count:
        try:
            messages = await subscription.fetch(_FETCH, timeout=5)
        except TimeoutError:
            continue
        now = time.perf_counter()
        for message in messages:
            ways.append(now - struct.unpack_from("d", message.data)[0])
            await message.ack()
    return ways


async def obey() -> None:
    """Takes orders until standard input ends."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(asdict(await carry_out(Order(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    uvloop.run(obey())
