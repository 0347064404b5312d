"""Servicers of a test's own behind the kit's pipeline, on a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import grpc
from opentelemetry import trace
from prometheus_client import CollectorRegistry
from rookery_kit.access_token import TokenVerifier
from rookery_kit.clock import SystemClock
from rookery_kit.postgres import Database
from rookery_kit.rpc import Registration, RpcServer, open_channel
from rookery_kit.rpc.call_durations import CallDurations
from rookery_kit.rpc.pipeline import Pipeline
from rookery_kit.tracing import PassingOnTracer

from harness.tokens import TokenMint

MAX_MESSAGE_BYTES = 64 * 1024


@dataclass(frozen=True)
class KitServer:
    """A running server, a channel to it, who signs its tokens, and what its metrics say."""

    server: RpcServer
    channel: grpc.aio.Channel
    mint: TokenMint
    metrics: CollectorRegistry

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
) -> AsyncIterator[KitServer]:
    """Serves until the block ends. Without a database only methods that need none can be called."""
    mint, metrics = TokenMint(), CollectorRegistry()
    pipeline = Pipeline(
        verifier=TokenVerifier(
            issuer="https://auth.rookery.local", audience="rookery", clock=SystemClock(), fetch_keys=mint.fetch_keys
        ),
        database=database or Database(asyncpg.create_pool(min_size=0), acquire_timeout=1),
        tracer=tracer or PassingOnTracer(),
        durations=CallDurations(metrics),
        max_message_bytes=MAX_MESSAGE_BYTES,
        default_deadline=default_deadline,
    )
    server = RpcServer(pipeline, listen="127.0.0.1:0", max_message_bytes=MAX_MESSAGE_BYTES)
    port = await server.start(registrations)
    channel = open_channel(f"127.0.0.1:{port}")
    try:
        yield KitServer(server, channel, mint, metrics)
    finally:
        await channel.close()
        await server.stop(grace=0)
