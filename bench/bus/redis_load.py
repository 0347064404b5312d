"""The peer on Redis streams, a process of its own in the environment of the peers: one task sends, another receives.

Each line of standard input is an Order as JSON; each is answered by a Result as JSON.
"""

import asyncio
import json
import struct
import sys
import time
from dataclasses import asdict

from redis.asyncio import Redis

from bench.bus.orders import PAYLOAD_BYTES, Order, Result, result

_STREAM, _GROUP, _CONSUMER, _FIELD = "mailbox", "receivers", "receiver", b"data"
_BATCH = 100
_BLOCK_MS = 1000
_LONGEST_SECONDS = 50.0
_PADDING = bytes(PAYLOAD_BYTES - 8)


async def carry_out(order: Order) -> Result:
    """Sends and receives until all is acknowledged and the stream empty."""
    # The second protocol, whose answers have one form in all versions of the client.
    async with Redis.from_url(order.target, protocol=2) as client, asyncio.timeout(_LONGEST_SECONDS):
        await client.delete(_STREAM)
        await client.xgroup_create(_STREAM, _GROUP, id="0", mkstream=True)
        begun = time.perf_counter()
        _, ways = await asyncio.gather(_send(client, order.count), _receive(client, order.count))
        seconds = time.perf_counter() - begun
        assert not await client.xlen(_STREAM)
        return result(order.count, seconds, ways)


async def _send(client: Redis, count: int) -> None:
    for number in range(0, count, _BATCH):
        pipeline = client.pipeline()
        for _ in range(number, min(number + _BATCH, count)):
            pipeline.xadd(_STREAM, {_FIELD: struct.pack("d", time.perf_counter()) + _PADDING})
        await pipeline.execute()


async def _receive(client: Redis, count: int) -> list[float]:
    ways: list[float] = []
    while len(ways) < count:
        streams = await client.xreadgroup(_GROUP, _CONSUMER, {_STREAM: ">"}, count=_BATCH, block=_BLOCK_MS)
        now = time.perf_counter()
        for _, messages in streams:
            ways += [now - struct.unpack_from("d", fields[_FIELD])[0] for _, fields in messages]
            ids = [each for each, _ in messages]
            await client.pipeline().xack(_STREAM, _GROUP, *ids).xdel(_STREAM, *ids).execute()
    return ways


async def obey() -> None:
    """Takes orders until standard input ends."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(asdict(await carry_out(Order(**json.loads(line))))), flush=True)


if __name__ == "__main__":
    asyncio.run(obey())
