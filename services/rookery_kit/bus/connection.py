"""The connection to NATS, which comes back by itself."""

import asyncio
from contextlib import suppress
from typing import Self

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError

from rookery_kit.bus.subjects import MESSAGE_ID_HEADER, TRACEPARENT_HEADER
from rookery_kit.bus.topology import Topology, ensure_topology
from rookery_kit.errors import ResourceExhausted, Unavailable

_CONNECT_SECONDS = 2
_STREAM_FULL = frozenset({10047, 10054, 10077, 10122})
_log = structlog.get_logger(__name__)


class BusUnavailable(Unavailable):
    """NATS does not answer. A message under way may have been stored; its id makes sending again safe."""

    reason = "BUS_UNAVAILABLE"


class StreamFull(ResourceExhausted):
    """The stream is at its limit; nothing was stored."""

    reason = "MAILBOX_FULL"


class Bus:
    """Publishes to JetStream and hands out the connection to those who consume."""

    def __init__(self, client: Client, publish_timeout: float) -> None:
        self.client = client
        self._publish_timeout = publish_timeout
        self.jetstream: JetStreamContext = client.jetstream(timeout=publish_timeout)

    @classmethod
    async def connect(cls, url: str, *, name: str, topology: Topology, publish_timeout: float = 5.0) -> Self:
        """Connects and ensures the streams. Raises BusUnavailable, or TopologyMismatch."""
        client, connected = Client(), asyncio.Event()

        async def on_error(error: Exception) -> None:
            # Until it has connected for the first time, its last error is in what is raised below.
            if connected.is_set():
                _log.warning("bus error", error=_described(error))

        async def on_disconnect() -> None:
            if not client.is_closed:
                _log.warning("bus disconnected")

        async def on_reconnect() -> None:
            _log.info("bus reconnected")

        try:
            # The client would try for ever, as it shall later; who waits for the bus at a start does so with a bound.
            async with asyncio.timeout(_CONNECT_SECONDS):
                await client.connect(
                    url,
                    name=name,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=0.2,  # type: ignore[arg-type] # it sleeps so long; a fraction will do
                    connect_timeout=_CONNECT_SECONDS,
                    ping_interval=5,
                    max_outstanding_pings=2,
                    allow_reconnect=True,
                    error_cb=on_error,
                    disconnected_cb=on_disconnect,
                    reconnected_cb=on_reconnect,
                )
        except (NatsError, OSError, TimeoutError) as error:
            await client.close()
            raise BusUnavailable(f"the bus does not answer: {_described(client.last_error or error)}") from error
        connected.set()
        bus = cls(client, publish_timeout)
        try:
            await ensure_topology(bus.jetstream, topology)
        except (NatsError, TimeoutError) as error:
            await client.close()
            raise BusUnavailable(f"the bus has no JetStream ready: {type(error).__name__}") from error
        except BaseException:
            await client.close()
            raise
        return bus

    async def publish(self, subject: str, payload: bytes, *, message_id: str, traceparent: str = "") -> bool:
        """Stores a message and answers once it is durable: True when this id was stored before.

        Raises BusUnavailable, or StreamFull when the stream takes no more.
        """
        headers = {MESSAGE_ID_HEADER: message_id}
        if traceparent:
            headers[TRACEPARENT_HEADER] = traceparent
        try:
            answer = await self.jetstream.publish(subject, payload, headers=headers)
        except APIError as error:
            if error.err_code in _STREAM_FULL:
                raise StreamFull("the stream is full", retry_after=None) from error
            raise BusUnavailable(f"the bus refused the message: {error.description}") from error
        except (NatsError, OSError, TimeoutError) as error:
            raise BusUnavailable(f"the bus does not answer: {type(error).__name__}") from error
        return bool(answer.duplicate)

    async def ping(self) -> None:
        """Proves that the server answers. Raises BusUnavailable."""
        if not self.client.is_connected:
            raise BusUnavailable("the bus is not connected")
        try:
            await self.client.flush(timeout=2)
        except (NatsError, OSError, TimeoutError) as error:
            raise BusUnavailable("the bus does not answer") from error

    async def close(self) -> None:
        """Hands over what is buffered and closes the connection, whatever state it is in."""
        try:
            await asyncio.wait_for(self.client.flush(), timeout=2)
        except (NatsError, OSError, TimeoutError):
            _log.warning("bus closed without a flush")
        with suppress(NatsError, OSError):
            await self.client.close()


def _described(error: Exception) -> str:
    return str(error) or type(error).__name__
