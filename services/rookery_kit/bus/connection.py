"""The connection to NATS, which comes back by itself."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from rookery_kit.bus.atomic_batch import Publication, publish_batch, require_size
from rookery_kit.bus.bulk_client import BulkClient
from rookery_kit.bus.publish_each import publish_each
from rookery_kit.bus.refusals import BusUnavailable, DuplicateInBatch
from rookery_kit.bus.topology import Topology, ensure_topology, require_max_payload
from rookery_kit.clock import new_id
from rookery_kit.errors import RookeryError

_CONNECT_SECONDS = 2
_log = structlog.get_logger(__name__)


class Bus:
    """Publishes to JetStream and hands out the connection to those who consume.

    `on_renewed` callbacks are called, in order of registration, each time the connection has been replaced: what was
    asked of the broker before and is not answered yet never will be.
    """

    def __init__(self, client: BulkClient, publish_timeout: float) -> None:
        self.client = client
        self._publish_timeout = publish_timeout
        self.jetstream: JetStreamContext = client.jetstream(timeout=publish_timeout)
        self._renewed: list[Callable[[], None]] = []

    def on_renewed(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Has `callback` called after each reconnection, until what this answers is called."""
        self._renewed.append(callback)
        return lambda: self._renewed.remove(callback)

    def renewed(self) -> None:
        """Tells those who asked that the connection has been replaced."""
        for callback in tuple(self._renewed):
            callback()

    @classmethod
    async def connect(cls, url: str, *, name: str, topology: Topology, publish_timeout: float = 5.0) -> Self:
        """Connects to one of the servers of `url`, which commas part, and ensures the streams.

        Raises BusUnavailable, or TopologyMismatch.
        """
        client, connected = BulkClient(), asyncio.Event()
        bus = cls(client, publish_timeout)

        async def on_error(error: Exception) -> None:
            # Until it has connected for the first time, its last error is in what is raised below.
            if connected.is_set():
                _log.warning("bus error", error=_described(error))

        async def on_disconnect() -> None:
            client.lose_answers()
            if not client.is_closed:
                _log.warning("bus disconnected")

        async def on_reconnect() -> None:
            _log.info("bus reconnected")
            bus.renewed()

        servers, user, password = _split(url)
        try:
            # The client would try for ever, as it shall later; who waits for the bus at a start does so with a bound.
            async with asyncio.timeout(_CONNECT_SECONDS):
                await client.connect(
                    servers,
                    name=name,
                    user=user,
                    password=password,
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
        try:
            require_max_payload(client.max_payload)
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

        Raises BusUnavailable, StreamFull when the stream takes no more,
        or PayloadTooLarge.
        """
        return (await self._publish_each([Publication(subject, payload, message_id, traceparent)]))[0]

    def require_size(self, publication: Publication) -> None:
        """Raises PayloadTooLarge for what the server would refuse for its size."""
        require_size(self.client, publication)

    async def publish_batch(self, batch: Sequence[Publication]) -> None:
        """Stores messages of one stream, all or none, with one sync; see `atomic_batch.publish_batch`."""
        await publish_batch(self.client, batch, batch_id=new_id(), timeout=self._publish_timeout)

    async def publish_each(self, publications: Sequence[Publication]) -> list[bool | RookeryError]:
        """Stores a few messages of one stream, each by itself; see `publish_each.publish_each`."""
        return await publish_each(self.client, publications, timeout=self._publish_timeout)

    async def publish_all(self, publications: Sequence[Publication]) -> None:
        """Stores messages of one stream in order; what the stream knows already is not stored again.

        Raises BusUnavailable, StreamFull or PayloadTooLarge; then some may have been stored, and publishing all again
        is safe.
        """
        if len(publications) > 1:
            try:
                await self.publish_batch(publications)
            except DuplicateInBatch:
                pass
            else:
                return
        await self._publish_each(publications)

    async def _publish_each(self, publications: Sequence[Publication]) -> list[bool]:
        for each in publications:
            self.require_size(each)
        outcomes = await self.publish_each(publications)
        for outcome in outcomes:
            if isinstance(outcome, RookeryError):
                raise outcome
        return [outcome is True for outcome in outcomes]

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


def _split(url: str) -> tuple[list[str], str | None, str | None]:
    """The servers of a URL, and the user and password for them if these are the same for all.

    A server that is learned of from another has no credentials of its own: it is given those.
    """
    servers = [urlsplit(each) for each in url.split(",")]
    users = {(server.username, server.password) for server in servers}
    user, password = next(iter(users))
    if len(users) > 1 or user is None or password is None:
        return url.split(","), None, None
    bare = [server._replace(netloc=server.netloc.rpartition("@")[2]) for server in servers]
    return [urlunsplit(server) for server in bare], user, password


def _described(error: Exception) -> str:
    return str(error) or type(error).__name__
