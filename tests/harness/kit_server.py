"""Servicers of a test's own behind the kit's pipeline, on a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import grpc
from opentelemetry import trace
from prometheus_client import CollectorRegistry
from rookery_kit.access_token import TokenVerifier
from rookery_kit.audit import AuditTrail
from rookery_kit.clock import SystemClock
from rookery_kit.identity_feed import Admission, TenantStates
from rookery_kit.postgres import Database
from rookery_kit.rate_limits import RateLimiter
from rookery_kit.rpc import Registration, RpcServer, open_channel
from rookery_kit.rpc.auditing import CallAudit
from rookery_kit.rpc.call_durations import CallDurations
from rookery_kit.rpc.pipeline import Pipeline
from rookery_kit.tracing import PassingOnTracer

from harness.tokens import TokenMint

MAX_MESSAGE_BYTES = 64 * 1024


@dataclass(frozen=True)
class KitServer:
    """A running server, a channel to it, who signs, verifies and admits its tokens, its metrics and its audit trail."""

    server: RpcServer
    pipeline: Pipeline
    channel: grpc.aio.Channel
    mint: TokenMint
    verifier: TokenVerifier
    metrics: CollectorRegistry
    admission: Admission
    audit: AuditTrail

    def count(self, method: str, code: grpc.StatusCode) -> float:
        """How many calls to `<service>/<method>` ended with a status."""
        service, _, name = method.partition("/")
        labels = {"rpc_service": service, "rpc_method": name, "rpc_grpc_status_code": str(code.value[0])}
        return self.metrics.get_sample_value("rpc_server_duration_seconds_count", labels) or 0.0


@asynccontextmanager
async def serving(
    *registrations: Registration,
    database: Database | None = None,
    default_deadline: float = 30.0,
    tracer: trace.Tracer | None = None,
    limiter: RateLimiter | None = None,
) -> AsyncIterator[KitServer]:
    """Serves until the block ends. Without a database only methods that need none can be called.

    Without a limiter nobody is too fast.
    """
    mint, metrics, clock = TokenMint(), CollectorRegistry(), SystemClock()
    admission = Admission(clock, stale_after=300)
    nowhere = asyncpg.create_pool(min_size=0)
    database = database or Database(nowhere, nowhere, acquire_timeout=1)
    trail = AuditTrail(database, lambda: None)
    verifier = TokenVerifier(
        issuer="https://auth.rookery.local",
        audience="rookery",
        clock=clock,
        admission=admission,
        fetch_keys=mint.fetch_keys,
    )
    pipeline = Pipeline(
        verifier=verifier,
        database=database,
        audit=CallAudit(trail, database, clock, "test"),
        tracer=tracer or PassingOnTracer(),
        durations=CallDurations(metrics),
        limiter=limiter
        or RateLimiter(principal_rate=0, tenants=TenantStates(), outage="open", monotonic=clock.monotonic),
        max_message_bytes=MAX_MESSAGE_BYTES,
        default_deadline=default_deadline,
    )
    server = RpcServer(pipeline, listen="127.0.0.1:0", max_message_bytes=MAX_MESSAGE_BYTES)
    port = await server.start(registrations)
    channel = open_channel(f"127.0.0.1:{port}")
    try:
        yield KitServer(server, pipeline, channel, mint, verifier, metrics, admission, trail)
    finally:
        await channel.close()
        await server.stop(grace=0)
