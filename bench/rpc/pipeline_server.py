"""What is measured, a process of its own: the echo behind the whole pipeline of a Rookery service.

Prints its port and an access token as JSON, then serves until standard input ends.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from typing import ClassVar

import asyncpg
import jwt
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import SecretStr
from rookery_kit.access_token import ALGORITHM, TOKEN_TYPE, TokenVerifier
from rookery_kit.audit import AuditTrail
from rookery_kit.clock import SystemClock, new_id
from rookery_kit.identity_feed import Admission, TenantStates
from rookery_kit.lifecycle import leave_to_rest
from rookery_kit.postgres import Database
from rookery_kit.rate_limits import RateLimiter
from rookery_kit.rpc import Registration, RpcServer
from rookery_kit.rpc.auditing import CallAudit
from rookery_kit.rpc.call_durations import CallDurations
from rookery_kit.rpc.pipeline import Pipeline
from rookery_kit.settings import ServiceSettings
from rookery_kit.telemetry import start_telemetry

from bench.rpc.contract import PERMISSION
from bench.rpc.echo import Echo, add_echo

_KEY_ID = "bench"
_TOKEN_SECONDS = 3600


class BenchSettings(ServiceSettings):
    """The defaults of a service; the echo keeps nothing, so nobody connects to what the URLs name."""

    service: ClassVar[str] = "bench"


async def serve() -> None:
    """Serves until standard input ends."""
    settings = BenchSettings(
        listen="127.0.0.1:0",
        metrics_listen="127.0.0.1:0",
        database_url=SecretStr("postgresql://nobody@127.0.0.1/nothing"),
        nats_url=SecretStr("nats://127.0.0.1"),
        auth_address="127.0.0.1:1",
    )
    key = Ed25519PrivateKey.generate()

    async def fetch_keys() -> Mapping[str, Ed25519PublicKey]:
        return {_KEY_ID: key.public_key()}

    telemetry = start_telemetry(settings)
    clock = SystemClock()
    pool = asyncpg.create_pool(settings.database_url.get_secret_value(), min_size=0)
    database = Database(pool, pool, acquire_timeout=1)
    pipeline = Pipeline(
        verifier=TokenVerifier(
            issuer=settings.issuer,
            audience=settings.audience,
            clock=clock,
            admission=Admission(clock, stale_after=settings.identity_stale_seconds),
            fetch_keys=fetch_keys,
        ),
        database=database,
        audit=CallAudit(AuditTrail(database, lambda: None), database, clock, settings.service),
        tracer=telemetry.tracer,
        durations=CallDurations(telemetry.registry),
        limiter=RateLimiter(
            principal_rate=settings.principal_requests_per_second,
            tenants=TenantStates(),
            outage=settings.rate_limit_outage,
            monotonic=clock.monotonic,
        ),
        max_message_bytes=settings.max_message_bytes,
        default_deadline=settings.default_deadline_seconds,
    )
    server = RpcServer(pipeline, listen=settings.listen, max_message_bytes=settings.max_message_bytes)
    port = await server.start([Registration(add_echo, Echo())])
    await server.set_serving(serving=True)
    leave_to_rest(port)
    print(json.dumps({"port": port, "token": _token(settings, key)}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)
    telemetry.close()


def _token(settings: ServiceSettings, key: Ed25519PrivateKey) -> str:
    now = int(time.time())
    claims = {
        "iss": settings.issuer,
        "sub": f"agent:{new_id()}",
        "aud": settings.audience,
        "iat": now,
        "exp": now + _TOKEN_SECONDS,
        "jti": new_id(),
        "tenant": "bench",
        "roles": ["agent"],
        "scope": f"agents:register tasks:work messages:send messages:receive {PERMISSION}",
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"kid": _KEY_ID, "typ": TOKEN_TYPE})


if __name__ == "__main__":
    uvloop.run(serve())
