"""A running suite with tenants of 1,000, 10,000 and 100,000 agents."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import grpc
from rookery.auth.v1 import tenant_service_pb2, tenant_service_pb2_grpc, token_service_pb2, token_service_pb2_grpc

from bench.up import running_up

TENANTS = {"small": 1_000, "middle": 10_000, "large": 100_000}
Bearer = tuple[tuple[str, str], ...]

# Every agent can do `common`, one in a hundred `rare`; a third of them report a load. None of their leases ends soon.
_FILL = """
INSERT INTO registry.agents (tenant, id, name, subject, description, capabilities, labels, enrolment_labels,
    lease_duration, lease_expire_time, online, session_epoch, revision)
SELECT $1, id, 'agent-' || number, 'agent:' || id, 'an agent of a benchmark',
    CASE number % 100 WHEN 0 THEN ARRAY['common', 'rare'] ELSE ARRAY['common'] END,
    jsonb_build_object('team', 'team-' || number % 50), '{}', '10 minutes', now() + '1 day', true, 1, number
FROM (SELECT number, gen_random_uuid() AS id FROM generate_series(1, $2::int) AS number) AS made"""
_FILL_LOAD = """
INSERT INTO registry.agent_load (tenant, agent_id, in_flight, capacity, error_rate, mean_response_ms, update_time)
SELECT tenant, id, revision % 7, 8, 0.0, revision % 900, now() + '1 day'
FROM registry.agents WHERE tenant = $1 AND revision % 3 = 0"""


@dataclass(frozen=True, slots=True)
class Installation:
    """Where it is, who may ask, and the database behind it."""

    auth: grpc.aio.Channel
    registry: grpc.aio.Channel
    api_key: str
    bearers: dict[str, Bearer]
    database: "asyncpg.Pool[asyncpg.Record]"


@asynccontextmanager
async def running_installation() -> AsyncIterator[Installation]:
    """Starts it and fills it."""
    with tempfile.TemporaryDirectory(prefix="rk-bench-") as folder:
        async with (
            running_up(Path(folder) / "data") as up,
            asyncpg.create_pool(up.context["postgres"], min_size=8, max_size=8) as pool,
            grpc.aio.insecure_channel(up.context["auth"]) as auth,
            grpc.aio.insecure_channel(up.context["registry"]) as registry,
        ):
            administrator = await _bearer(auth, up.api_key)
            tenants: Any = tenant_service_pb2_grpc.TenantServiceStub(auth)
            bearers = {}
            for tenant, agents in TENANTS.items():
                request = tenant_service_pb2.CreateTenantRequest(tenant_id=tenant)
                created = await tenants.CreateTenant(request, metadata=administrator)
                await pool.execute(_FILL, tenant, agents)
                await pool.execute(_FILL_LOAD, tenant)
                bearers[tenant] = await _bearer(auth, created.administrator_secret)
            await pool.execute("VACUUM ANALYZE")
            yield Installation(auth, registry, up.api_key, bearers, pool)


async def _bearer(auth: grpc.aio.Channel, api_key: str) -> Bearer:
    stub: Any = token_service_pb2_grpc.TokenServiceStub(auth)
    issued = await stub.IssueToken(token_service_pb2.IssueTokenRequest(api_key=api_key))
    return (("authorization", f"Bearer {issued.token_set.access_token}"),)
