"""A service run inside the test, through its own composition root, on a port of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc
from rookery_kit.lifecycle import Compose, serve
from rookery_kit.rpc import open_channel
from rookery_kit.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)
_START_SECONDS = 20


@asynccontextmanager
async def running(settings: S, compose: Compose[S]) -> AsyncIterator[grpc.aio.Channel]:
    """Serves until the block ends and gives a channel to it. Raises what keeps the service from starting."""
    stopping = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    service = asyncio.create_task(serve(settings, compose, stopping, port.set_result))
    try:
        either: list[asyncio.Future[Any]] = [service, port]
        await asyncio.wait(either, timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not port.done():
            service.cancel()
            await service
        channel = open_channel(f"127.0.0.1:{port.result()}")
        try:
            yield channel
        finally:
            await channel.close()
    finally:
        stopping.set()
        if not service.done():
            await service
