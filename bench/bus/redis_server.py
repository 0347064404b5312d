"""A Redis as durable as the bus: what it answers is on the disk."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rookery_local.child import Child, Command

from bench.bus.parts import free_port
from bench.measure import NotMeasurable

_HOST = "127.0.0.1"
_DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
_START_SECONDS = 10.0
_POLL_SECONDS = 0.01


@asynccontextmanager
async def running_redis(program: Path) -> AsyncIterator[str]:
    """Starts it in a folder of its own, answers its URL and stops it in the end.

    Raises NotMeasurable where it does not start. It dies with the calling process (Linux).
    """
    with tempfile.TemporaryDirectory(prefix="rk-redis-") as folder:
        port = free_port()
        place = ("--bind", _HOST, "--port", str(port), "--dir", folder)
        child = Child.spawn(Command((str(program), *place, *_DURABLE), Path(folder) / "redis.log"))
        try:
            await _until_ready(child, port)
            yield f"redis://{_HOST}:{port}"
        finally:
            await child.end((signal.SIGTERM, _START_SECONDS))


async def _until_ready(child: Child, port: int) -> None:
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not await _answers(port):
                if child.exit_code is not None:
                    raise NotMeasurable(f"Redis does not start: {(child.output().splitlines() or [''])[-1]}")
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise NotMeasurable(f"Redis does not answer after {_START_SECONDS:g} s") from None


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(_HOST, port)
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        return await reader.readline() == b"+PONG\r\n"
    finally:
        writer.close()
