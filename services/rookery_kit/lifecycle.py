"""The life of a service process: starts whole or not at all, and stops without dropping what it holds."""

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import structlog
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from rookery_kit.access_token import TokenVerifier
from rookery_kit.bus.topology import TopologyMismatch
from rookery_kit.errors import CannotStart, RookeryError
from rookery_kit.foundation import Foundation, open_foundation, patiently
from rookery_kit.health import HealthWatch
from rookery_kit.identity_feed import IdentityFeed
from rookery_kit.jwks import RemoteKeys
from rookery_kit.nats_rpc import NatsRpcServer
from rookery_kit.postgres.head import SchemaBehind
from rookery_kit.postgres.retention import SharedTablesJanitor
from rookery_kit.rate_limits import Reconciliation
from rookery_kit.rpc.auditing import CallAudit
from rookery_kit.rpc.call_durations import CallDurations
from rookery_kit.rpc.pipeline import Pipeline
from rookery_kit.rpc.policy import PolicyMissing
from rookery_kit.rpc.server import PortInUse, Registration, RpcServer
from rookery_kit.settings import ServiceSettings, SettingsError, load_settings

S = TypeVar("S", bound=ServiceSettings)
EXIT_CANNOT_START = 3
EXIT_LOOP_ENDED = 4
_CANCEL_AGAIN_SECONDS = 0.5
# Objects made and not freed: the default of 700 looks at young ones four times for each batch of messages.
_COLLECT_AFTER = (10_000, 10, 10)
_log = structlog.get_logger(__name__)


class LoopEnded(Exception):
    """A background loop of the service ended, which it never should."""


@dataclass(frozen=True)
class Service:
    """What a composition root answers: what to serve and what to run beside it.

    `background` are endless loops; one that ends or fails ends the process, so that it is started anew.
    `fetch_keys` answers the keys that verify tokens; None: they are fetched from the auth service. `on_keys_read` is
    for auth, which knows the ids of the keys in use before anybody hears them: it is given what is to be told them.
    `over_nats` is what agents may call over NATS as well.
    """

    registrations: Sequence[Registration]
    background: Sequence[Callable[[], Coroutine[None, None, None]]] = ()
    fetch_keys: Callable[[], Awaitable[Mapping[str, Ed25519PublicKey]]] | None = None
    on_keys_read: Callable[[Callable[[Sequence[str]], Awaitable[None]]], None] | None = None
    over_nats: Sequence[Registration] = ()


Compose = Callable[[S, Foundation], Awaitable[Service]]


def run_service(settings_class: type[S], compose: Compose[S]) -> None:
    """Runs a service until SIGTERM or SIGINT. A start that fails prints one line and exits with 3."""
    try:
        settings = load_settings(settings_class)
        uvloop.run(_live(settings, compose))
    except (CannotStart, SettingsError, SchemaBehind, TopologyMismatch, PolicyMissing, PortInUse) as error:
        _refuse(settings_class.service, str(error))
    except RookeryError as error:
        _refuse(settings_class.service, f"{error.reason}: {error.message}")
    except LoopEnded as error:
        _log.critical("background loop ended", loop=str(error), exc_info=error.__cause__)
        sys.exit(EXIT_LOOP_ENDED)
    except TimeoutError:
        _refuse(settings_class.service, "what it depends on did not answer within the start time-out")


def _refuse(service: str, reason: str) -> None:
    sys.stderr.write(f"rookery-{service}: cannot start: {' '.join(reason.split())}\n")
    sys.exit(EXIT_CANNOT_START)


async def _live(settings: S, compose: Compose[S]) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await serve(settings, compose, stopping, leave_to_rest)


async def serve(
    settings: S, compose: Compose[S], stopping: asyncio.Event, on_serving: Callable[[int], None] = lambda _port: None
) -> None:
    """Runs a service within this event loop until `stopping` is set. `on_serving` is told the port, once it serves.

    Raises what keeps it from starting, and LoopEnded.
    """
    async with open_foundation(settings) as foundation:
        service = await compose(settings, foundation)
        fetch_keys = service.fetch_keys
        if fetch_keys is None:
            remote = RemoteKeys(settings.auth_address)
            foundation.keep.push_async_callback(remote.close)
            fetch_keys = remote.fetch
        verifier = TokenVerifier(
            issuer=settings.issuer,
            audience=settings.audience,
            clock=foundation.clock,
            admission=foundation.admission,
            fetch_keys=fetch_keys,
        )
        await patiently(verifier.refresh, settings.start_timeout_seconds)
        if service.on_keys_read is not None:
            service.on_keys_read(verifier.keep_keys)
        limiter = foundation.limiter
        reconciliation = Reconciliation(limiter, foundation.bus, foundation.clock)
        await reconciliation.start()
        pipeline = _pipeline(settings, foundation, verifier)
        feed = IdentityFeed(
            foundation.bus,
            foundation.admission,
            foundation.clock,
            on_keys=verifier.keep_keys,
            on_narrowed=pipeline.end_refused_streams,
        )
        server = RpcServer(pipeline, listen=settings.listen, max_message_bytes=settings.max_message_bytes)
        over_nats = NatsRpcServer(foundation.bus.client, pipeline, verifier, name=settings.service)
        janitor = SharedTablesJanitor(foundation.database)
        health = HealthWatch(foundation, server, limiter)
        loops: list[Callable[[], Coroutine[None, None, None]]]
        loops = [*service.background, foundation.relay.run, foundation.audit.run]
        loops += [janitor.run, reconciliation.run, health.run, health.run_limits]
        background = [asyncio.create_task(feed.run())]
        try:
            # Who was down when something was revoked must know it before the first call.
            async with asyncio.timeout(settings.start_timeout_seconds):
                await feed.caught_up()
            port = await server.start(service.registrations)
            await over_nats.start(service.over_nats)
            background += [asyncio.create_task(endless()) for endless in loops]
            await server.set_serving(serving=True)
            _log.info("serving", listen=settings.listen, port=port)
            notify("READY=1")
            on_serving(port)
            await _until_stopped(stopping, background)
        finally:
            notify("STOPPING=1")
            await asyncio.gather(server.stop(settings.drain_seconds), over_nats.stop(settings.drain_seconds))
            await _cancel(background)
            with suppress(RookeryError):
                await foundation.audit.flush()
            _log.info("stopped")


def leave_to_rest(_port: int) -> None:
    """Exempts all that a start has made from garbage collection, whose full rounds would halt calls for some 40 ms.

    What calls make is mostly freed without it, so that it need not look as often as it does by default.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


def _pipeline(settings: ServiceSettings, foundation: Foundation, verifier: TokenVerifier) -> Pipeline:
    return Pipeline(
        verifier=verifier,
        database=foundation.database,
        audit=CallAudit(foundation.audit, foundation.database, foundation.clock, settings.service),
        tracer=foundation.telemetry.tracer,
        durations=CallDurations(foundation.telemetry.registry),
        limiter=foundation.limiter,
        max_message_bytes=settings.max_message_bytes,
        default_deadline=settings.default_deadline_seconds,
    )


async def _until_stopped(stopping: asyncio.Event, background: Sequence[asyncio.Task[None]]) -> None:
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait([stop, *background], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    for task in background:
        if task.done():
            raise LoopEnded(repr(task.get_coro())) from task.exception()


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancels until all have ended: a library may swallow a cancellation (before Python 3.12, wait_for can)."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_CANCEL_AGAIN_SECONDS)


def notify(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """Tells the supervisor, by the protocol of sd_notify(3), where it left an address for that."""
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.connect("\0" + address[1:] if address.startswith("@") else address)
        connection.sendall(state.encode())
