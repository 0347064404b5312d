"""What every service stands on, opened in order and closed in the reverse order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import structlog

from rookery_kit.audit import AuditTrail
from rookery_kit.bus import Bus, OutboxRelay
from rookery_kit.bus.topology import Topology
from rookery_kit.clock import Clock, SystemClock
from rookery_kit.errors import Unavailable
from rookery_kit.identity_feed import Admission, TenantStates
from rookery_kit.postgres import Database
from rookery_kit.postgres.head import require_head
from rookery_kit.rate_limits import RateLimiter
from rookery_kit.rate_limits.metrics import RateLimitMetrics
from rookery_kit.settings import ServiceSettings
from rookery_kit.telemetry import Telemetry, start_telemetry

T = TypeVar("T")
_RETRY_SECONDS = 0.1
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Foundation:
    """The opened parts. `keep` takes what a composition opens on top, to be closed first.

    `relay` carries the outbox to the bus and runs in every service; who commits to the outbox may wake it. `limiter`
    counts every call with a token; a public method that learns of its caller later asks it then.
    """

    clock: Clock
    telemetry: Telemetry
    database: Database
    bus: Bus
    relay: OutboxRelay
    audit: AuditTrail
    admission: Admission
    limiter: RateLimiter
    keep: AsyncExitStack

    @property
    def tenant_states(self) -> TenantStates:
        """How each tenant stands, as auth says."""
        return self.admission.tenants


@asynccontextmanager
async def open_foundation(settings: ServiceSettings) -> AsyncIterator[Foundation]:
    """Opens all of it or nothing: waits for the database, then for the bus, each up to the start time-out.

    Raises Unavailable when one does not come, SchemaBehind when the schema is not at this version's head.
    """
    async with AsyncExitStack() as opened:
        telemetry = start_telemetry(settings)
        opened.callback(telemetry.close)
        database = await patiently(
            lambda: Database.connect(
                settings.database_url.get_secret_value(),
                schema=settings.service,
                pool_size=settings.database_pool_size,
            ),
            settings.start_timeout_seconds,
        )
        opened.push_async_callback(database.close)
        await require_head(database, settings.service)
        bus = await patiently(
            lambda: Bus.connect(
                settings.nats_url.get_secret_value(),
                name=f"rookery-{settings.service}",
                topology=Topology(replicas=settings.stream_replicas, max_bytes=settings.stream_max_bytes),
            ),
            settings.start_timeout_seconds,
        )
        opened.push_async_callback(bus.close)
        async with AsyncExitStack() as kept:
            clock = SystemClock()
            relay = OutboxRelay(database, bus, urgent=settings.urgent_events)
            admission = Admission(clock, stale_after=settings.identity_stale_seconds)
            limiter = RateLimiter(
                principal_rate=settings.principal_requests_per_second,
                tenants=admission.tenants,
                outage=settings.rate_limit_outage,
                monotonic=clock.monotonic,
            )
            RateLimitMetrics(limiter, telemetry.registry)
            yield Foundation(
                clock=clock,
                telemetry=telemetry,
                database=database,
                bus=bus,
                relay=relay,
                audit=AuditTrail(database, relay.wake),
                admission=admission,
                limiter=limiter,
                keep=kept,
            )


async def patiently(attempt: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Repeats `attempt` while it raises Unavailable, for `seconds`; then raises the last one.

    An attempt that does not end in time is cut off, and counts for as much.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + seconds
    failure = Unavailable(f"no answer within {seconds:g} s")
    while True:
        try:
            async with asyncio.timeout_at(give_up):
                return await attempt()
        except TimeoutError:
            raise failure from None
        except Unavailable as error:
            failure = error
            if loop.time() + _RETRY_SECONDS > give_up:
                raise
            _log.debug("waiting", reason=error.reason, error=error.message)
        await asyncio.sleep(_RETRY_SECONDS)
