"""What a listing of agents by filter keeps to."""

import json
from collections.abc import Mapping

import psycopg
import pytest
from harness.databases import FreshDatabase, OpenDatabase
from harness.registry_store import MOMENT, TENANT, agent_store, listed, registered
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rookery_kit.filtering import Comparison, InvalidFilter, Literal, Operator, parse_filter
from rookery_kit.postgres import Database, load_queries
from rookery_registry.card import AgentCard
from rookery_registry.model import AgentQuery, AgentUpdate, Instruction
from rookery_registry.postgres.agent_listing import AGENT_FILTER
from rookery_registry.store import AgentStore

HUGE = 20_000
# A row of a page may lie in a block of its own, and is looked up through up to two indexes.
A_FEW_BLOCKS = 300


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("registry")


@pytest.fixture(params=["postgres"])
async def store(database: Database) -> AgentStore:
    return agent_store(database)


@pytest.fixture
async def fleet(store: AgentStore) -> AgentStore:
    """Four agents of different kinds."""
    card = AgentCard(type="reviewer", version="2.1", endpoint="https://example.com/a2a")
    await registered(store, name="ann", capabilities=("review", "write"), labels={"zone": "a"}, card=card)
    ben = await registered(store, name="ben", capabilities=("write",), labels={"zone": "b", "rookery.dev/gpu": "1"})
    await registered(store, name="bob", capabilities=(), labels={}, enrolment_labels={})
    await registered(store, name="gone", capabilities=("review",), lease_duration=MOMENT)
    async with store.begin(TENANT) as agents:
        await agents.instruct(ben.id, Instruction.DRAIN)
    return store


@pytest.mark.capability("R1")
async def test_a_filter_chooses_among_agents(fleet: AgentStore) -> None:
    everyone = ["ann", "ben", "bob", "gone"]
    meanings: Mapping[str, list[str]] = {
        "": everyone,
        "name = ann": ["ann"],
        'name != "ann"': ["ben", "bob", "gone"],
        "name = b*": ["ben", "bob"],
        "name >= bob": ["bob", "gone"],
        "type = reviewer AND version = 2.*": ["ann"],
        "description = writes": everyone,
        "endpoint = https*": ["ann"],
        "capabilities:write": ["ann", "ben"],
        "capabilities:write AND capabilities:review": ["ann"],
        "NOT capabilities:*": ["bob"],
        "-capabilities:review": ["ben", "bob"],
        "labels:zone": ["ann", "ben", "gone"],
        "labels.zone = a": ["ann", "gone"],
        "labels.zone != a": ["ben", "bob"],
        "labels.rookery.dev/gpu = 1": ["ben"],
        'labels."rookery.dev/gpu":*': ["ben"],
        "NOT labels.team = docs": ["bob"],
        "status = ONLINE": ["ann", "bob"],
        "status = DRAINING": ["ben"],
        "status = OFFLINE": ["gone"],
        "status != OFFLINE": ["ann", "ben", "bob"],
        "draining = true": ["ben"],
        "create_time > 2020-01-01T00:00:00Z AND update_time < 2020-01-01T00:00:00Z": [],
        "lease_expire_time > 2020-01-01T00:00:00Z": everyone,
        "name = ann OR (name = gone AND labels.zone = a)": ["ann", "gone"],
        'name = "\' OR TRUE --"': [],
        "labels.\"' OR TRUE --\" = 'x'": [],
    }
    assert {text: await listed(fleet, text) for text in meanings} == meanings


@pytest.mark.capability("R1")
async def test_pages_are_ordered_by_name_whatever_the_filter(store: AgentStore) -> None:
    for name in ("b", "a-1", "a.1", "a", "c"):
        await registered(store, name=name, capabilities=("write", name))
    assert await listed(store) == ["a", "a-1", "a.1", "b", "c"]
    assert await listed(store, after="a.1", limit=1) == ["b"]
    assert await listed(store, "capabilities:write", after="a-1", limit=2) == ["a.1", "b"]
    assert await listed(store, "labels.team = docs", after="c") == []


async def test_a_value_that_a_program_makes_has_no_wildcard(store: AgentStore) -> None:
    await registered(store, name="ann")
    for field, operator in (("name", Operator.EQUAL), ("capabilities", Operator.HAS)):
        query = AgentQuery(10, filter=Comparison((field,), operator, Literal("*")))
        async with store.begin(TENANT) as agents:
            assert await agents.page(query) == []


async def test_what_is_looked_up_follows_updates_registrations_and_removals(store: AgentStore) -> None:
    agent = await registered(store, capabilities=("write", "read"))
    async with store.begin(TENANT) as agents:
        await agents.update(agent.id, AgentUpdate(capabilities=("read", "sing"), labels={"zone": "b"}))
    assert await listed(store, "capabilities:write OR labels.zone = a") == []
    assert await listed(store, "capabilities:read AND capabilities:sing AND labels.zone = b") == ["scribe"]
    await registered(store, agent.id, capabilities=("write",))
    assert await listed(store, "capabilities:sing OR labels.zone = b") == []
    assert await listed(store, "capabilities:write AND labels.zone = a") == ["scribe"]
    async with store.begin(TENANT) as agents:
        await agents.remove(agent.id)
    await registered(store, capabilities=())
    assert await listed(store, "capabilities:write") == []


@pytest.mark.capability("A6")
async def test_a_filter_finds_nothing_of_another_tenant(store: AgentStore) -> None:
    await registered(store, tenant="acme")
    await registered(store, capabilities=(), labels={}, enrolment_labels={})
    for text in ("capabilities:write", "labels.zone = a", "labels:*"):
        assert await listed(store, text) == []
        assert await listed(store, text, tenant="acme") == ["scribe"]


async def test_a_listing_refuses_a_filter_by_what_an_agent_has_not(store: AgentStore) -> None:
    with pytest.raises(InvalidFilter, match="there is no field `colour`; there are id, name"):
        await listed(store, "colour = red")


FIELDS = ("id", "name", "capabilities", "labels", "labels.team", "status", "draining", "create_time")
VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    st.sampled_from(["ONLINE", "true", "0198c0de-0000-7000-8000-000000000000", "9999-12-31T23:59:59.999999999Z"]),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
)


@given(field=st.sampled_from(FIELDS), operator=st.sampled_from([op.value for op in Operator]), value=VALUES)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_compared_is_answered_or_refused(
    store: AgentStore, field: str, operator: str, value: str
) -> None:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    try:
        assert await listed(store, f'{field} {operator} "{escaped}"') == []
    except InvalidFilter as invalid:
        assert invalid.violations[0][0] == "filter"  # noqa: PT017 -- both ends are right, and each is checked


async def test_a_page_reads_a_few_blocks_of_many_agents(database: Database, fresh_database: FreshDatabase) -> None:
    async with database.system_transaction() as connection:
        await connection.execute(SEED, "huge", HUGE)
    with psycopg.connect(fresh_database.admin_url, autocommit=True) as admin:
        admin.execute("ANALYZE registry.agents, registry.agent_capabilities, registry.agent_labels")
    filters = (
        "",
        "capabilities:write",
        "capabilities:rare",
        "labels.half = h1",
        "labels.half != h1",
        "status = ONLINE",
    )
    blocks = {text: await blocks_read(database, "huge", text) for text in filters}
    assert max(blocks.values()) <= A_FEW_BLOCKS, blocks
    assert await blocks_read(database, "huge", "create_time < 2020-01-01T00:00:00Z") > A_FEW_BLOCKS


async def blocks_read(database: Database, tenant: str, text: str) -> int:
    condition = AGENT_FILTER.condition(parse_filter(text), first_parameter=4)
    sql = load_queries("rookery_registry")["list_agents"].format(condition=condition.sql)
    async with database.transaction(tenant) as connection:
        explained = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", tenant, "", 51, *condition.arguments
        )
    plan = json.loads(explained)[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


SEED = """
INSERT INTO agents (
    tenant, id, name, subject, description, capabilities, labels, enrolment_labels, lease_duration, lease_expire_time,
    online, session_epoch, revision
)
SELECT $1::text, gen_random_uuid(), 'agent-' || lpad(n::text, 6, '0'), 'agent:' || n, '',
    CASE WHEN n % ($2 / 100) = 0 THEN ARRAY['write', 'rare'] ELSE ARRAY['write'] END,
    jsonb_build_object('half', 'h' || n % 2), '{}', '1 minute', now() + interval '1 hour', n % ($2 / 100) = 0, n, n
FROM generate_series(1, $2::integer) AS n"""
