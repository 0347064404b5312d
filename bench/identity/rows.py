"""The rows issue_token, list_agents_1k, list_agents_100k and find_agents_10k."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from rookery.auth.v1 import token_service_pb2, token_service_pb2_grpc
from rookery.registry.v1 import agent_search_pb2, agent_service_pb2, agent_service_pb2_grpc

from bench.identity.installation import TENANTS, Installation, running_installation
from bench.identity.load import keep_going
from bench.measure import Measure, Quantity, Reading

_SECONDS = 1.0
_MOST = 20_000
_TURNS = 4
_PAGE = 50
_IN_FLIGHT = 32
_FILTER = 'capabilities:rare AND labels.team = "team-0"'
_INSERT = "INSERT INTO bench_inserts (key_id, actor, action) VALUES (gen_random_uuid(), $1, $2)"
_BARE_PAGE = "SELECT * FROM registry.agents WHERE tenant = $1 ORDER BY name LIMIT $2"
_BARE_BEST = """
SELECT a.* FROM registry.agents AS a LEFT JOIN registry.agent_load AS l ON (l.tenant, l.agent_id) = (a.tenant, a.id)
WHERE a.tenant = $1 AND 'rare' = ANY (a.capabilities) AND a.online
ORDER BY coalesce(l.in_flight::float8 / l.capacity, 0.5), a.name LIMIT 10"""


@asynccontextmanager
async def open_measures() -> AsyncIterator[tuple[Measure, ...]]:
    """Starts and fills an installation; the load comes from this process."""
    async with running_installation() as installation:
        await installation.database.execute("CREATE TABLE bench_inserts (key_id uuid, actor text, action text)")
        yield (
            _issue_token(installation),
            _list_agents(installation, "small", "list_agents_1k", "the bare SQL of the first page, once"),
            _list_agents(installation, "large", "list_agents_100k", "the same two pages with 1,000 agents"),
            _find_agents(installation),
        )


def _issue_token(installation: Installation) -> Measure:
    quantity = Quantity("issue_token", "tokens/s", "higher", "one bare insert a transaction, over 8 connections")
    stub: Any = token_service_pb2_grpc.TokenServiceStub(installation.auth)
    request = token_service_pb2.IssueTokenRequest(api_key=installation.api_key)
    return Measure(
        (quantity,),
        take=partial(_rate, quantity, lambda: stub.IssueToken(request)),
        take_baseline=partial(
            _rate, quantity, lambda: installation.database.execute(_INSERT, "user:admin", "IssueToken")
        ),
        turns=_TURNS,
        conditions={"in_flight": _IN_FLIGHT, "seconds_per_turn": _SECONDS},
    )


def _list_agents(installation: Installation, tenant: str, name: str, baseline: str) -> Measure:
    """The first page and a filtered one, one after the other."""
    quantity = Quantity(name, "ms", "lower", baseline)
    two_pages = partial(_two_pages, installation)
    take_baseline = partial(_p50, quantity, partial(two_pages, "small"))
    if tenant == "small":
        take_baseline = partial(_p50, quantity, lambda: installation.database.fetch(_BARE_PAGE, tenant, _PAGE))
    return Measure(
        (quantity,),
        take=partial(_p50, quantity, partial(two_pages, tenant)),
        take_baseline=take_baseline,
        turns=_TURNS,
        conditions={"agents": TENANTS[tenant], "page_size": _PAGE, "filter": _FILTER, "in_flight": 1},
    )


async def _two_pages(installation: Installation, tenant: str) -> None:
    stub: Any = agent_service_pb2_grpc.AgentServiceStub(installation.registry)
    metadata = installation.bearers[tenant]
    first = await stub.ListAgents(agent_service_pb2.ListAgentsRequest(page_size=_PAGE), metadata=metadata)
    filtered = agent_service_pb2.ListAgentsRequest(page_size=_PAGE, filter=_FILTER)
    found = await stub.ListAgents(filtered, metadata=metadata)
    assert len(first.agents) == _PAGE
    assert found.agents


def _find_agents(installation: Installation) -> Measure:
    quantity = Quantity("find_agents_10k", "ms", "lower", "bare SQL that ranks the same agents by load")
    stub: Any = agent_service_pb2_grpc.AgentServiceStub(installation.registry)
    request = agent_search_pb2.FindAgentsRequest(capabilities=["rare"])
    metadata = installation.bearers["middle"]
    return Measure(
        (quantity,),
        take=partial(_p50, quantity, lambda: stub.FindAgents(request, metadata=metadata)),
        take_baseline=partial(_p50, quantity, lambda: installation.database.fetch(_BARE_BEST, "middle")),
        turns=_TURNS,
        conditions={"agents": TENANTS["middle"], "that_fit": TENANTS["middle"] // 100, "in_flight": 1},
    )


async def _rate(quantity: Quantity, call: Callable[[], Awaitable[object]]) -> Reading:
    answered = await keep_going(call, in_flight=_IN_FLIGHT, seconds=_SECONDS, most=_MOST)
    return Reading({quantity.name: answered.count / answered.seconds})


async def _p50(quantity: Quantity, call: Callable[[], Awaitable[object]]) -> Reading:
    answered = await keep_going(call, in_flight=1, seconds=_SECONDS, most=_MOST)
    return Reading({quantity.name: answered.p50_ms})
