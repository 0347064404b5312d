import asyncio
from contextlib import aclosing
from datetime import timedelta
from uuid import uuid4

import pytest
from harness.databases import OpenDatabase
from harness.eventually import eventually
from rookery.events.v1 import agent_event_pb2
from rookery.registry.v1 import agent_pb2
from rookery_kit.postgres import Database, load_queries
from rookery_registry.model import Agent, AgentChange, AgentChanged, AgentRegistration, AgentUpdate, WatchTooOld
from rookery_registry.postgres import PostgresAgentStore, PostgresChangeLog
from rookery_registry.postgres.announcing import AnnouncingDatabase
from rookery_registry.store import AgentStore, AgentTransaction
from rookery_registry.watching.feed import ChangeFeed
from rookery_registry.watching.log import LoggedChange, WatchFilter
from rookery_registry.watching.watch import AgentWatch, Changes, Relevance, SnapshotComplete, SnapshotPart, relevance

TENANT = "default"
ANY = WatchFilter()
NOW = timedelta(0)


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("registry")


@pytest.fixture
def log(database: Database) -> PostgresChangeLog:
    return PostgresChangeLog(database, load_queries("rookery_registry.watching"))


@pytest.fixture
def store(database: Database) -> AgentStore:
    return PostgresAgentStore(AnnouncingDatabase(database, lambda: None), load_queries("rookery_registry"))


async def registered(store: AgentStore, name: str, tenant: str = TENANT) -> Agent:
    agent_id = str(uuid4())
    registration = AgentRegistration(
        name=name,
        description="",
        capabilities=(),
        labels={},
        enrolment_labels={},
        lease_duration=timedelta(minutes=1),
    )
    async with store.begin(tenant) as agents:
        agent = await agents.register(agent_id, f"agent:{agent_id}", registration)
        await agents.announce(AgentChanged(AgentChange.REGISTERED, agent, agent.revision))
    return agent


async def describe(agents: AgentTransaction, agent: Agent, description: str) -> Agent:
    await agents.lock(agent.id)
    changed = await agents.update(agent.id, AgentUpdate(description=description))
    await agents.announce(AgentChanged(AgentChange.UPDATED, changed, changed.revision))
    return changed


async def described(store: AgentStore, agent: Agent, description: str) -> None:
    async with store.begin(TENANT) as agents:
        await describe(agents, agent, description)


def texts(changes: list[LoggedChange]) -> list[str]:
    return [change.event.agent.description for change in changes]


@pytest.mark.capability("R9")
async def test_a_change_that_commits_late_gets_a_later_place_than_those_that_were_read_before(
    store: AgentStore, log: PostgresChangeLog
) -> None:
    slow, quick = await registered(store, "slow"), await registered(store, "quick")
    begin = await log.newest()
    async with store.begin(TENANT) as agents:
        late = await describe(agents, slow, "late")
        await described(store, quick, "early")
        early = list(await log.advance(begin, 100))
        assert texts(early) == ["early"]
        assert early[0].event.revision > late.revision
    assert texts(list(await log.advance(early[0].place, 100))) == ["late"]
    assert texts(list(await log.after(TENANT, early[0].place, 100))) == ["late"]
    assert texts(list(await log.after(TENANT, begin, 100))) == ["early", "late"]


async def test_places_are_given_once_however_many_replicas_give_them(
    store: AgentStore, log: PostgresChangeLog, open_database: OpenDatabase
) -> None:
    other = PostgresChangeLog(await open_database("registry"), load_queries("rookery_registry.watching"))
    for number in range(10):
        await registered(store, f"agent-{number}")
    assert await log.newest() == await other.newest()
    changes = await log.advance(0, 100)
    assert changes == await other.advance(0, 100)
    assert [change.event.agent.name for change in changes] == [f"agent-{number}" for number in range(10)]
    assert len({change.place for change in changes}) == 10


async def test_what_is_no_longer_kept_is_never_passed_over_in_silence(
    store: AgentStore, log: PostgresChangeLog
) -> None:
    agent = await registered(store, "scribe")
    seen = await log.newest()
    await described(store, agent, "one")
    await described(store, agent, "two")
    assert await log.trim(timedelta(hours=1), 100) == 0
    newest = await log.newest()
    assert await log.trim(NOW, 2) == 2
    with pytest.raises(WatchTooOld):
        await log.after(TENANT, seen, 100)
    assert texts(list(await log.after(TENANT, newest - 1, 100))) == ["two"]
    assert await log.trim(NOW, 100) == 1
    assert await log.newest() == newest
    assert await log.after(TENANT, newest, 100) == []


@pytest.fixture
async def feed(log: PostgresChangeLog) -> ChangeFeed:
    return ChangeFeed(log, lambda _change: None, every_seconds=0.01, most_kept=5)


class Running:
    """A feed that reads for as long as the block lasts."""

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._feed.run())

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()


@pytest.mark.capability("R9")
async def test_a_slow_watcher_is_served_from_the_log_while_memory_keeps_only_the_newest(
    store: AgentStore, log: PostgresChangeLog, feed: ChangeFeed
) -> None:
    agent = await registered(store, "scribe")
    async with Running(feed), aclosing(AgentWatch(log, feed).follow(TENANT, ANY, 0)) as frames:
        assert isinstance(await anext(frames), SnapshotPart)
        assert isinstance(await anext(frames), SnapshotComplete)
        for number in range(40):
            await described(store, agent, str(number))
        newest = await log.newest()
        await eventually(lambda: feed.place == newest)
        with feed.of(TENANT) as tenant_feed:
            assert len(tenant_feed.after(tenant_feed.floor, 100)) == 5
        seen: list[str] = []
        while len(seen) < 40:
            frame = await anext(frames)
            assert isinstance(frame, Changes)
            seen += texts([change for change, _ in frame.changes])
    assert seen == [str(number) for number in range(40)]


@pytest.mark.capability("R9")
async def test_a_watcher_too_slow_for_the_log_is_told_to_begin_anew(
    store: AgentStore, log: PostgresChangeLog, feed: ChangeFeed
) -> None:
    agent = await registered(store, "scribe")
    async with Running(feed), aclosing(AgentWatch(log, feed).follow(TENANT, ANY, 0)) as frames:
        await anext(frames)
        await anext(frames)
        for number in range(40):
            await described(store, agent, str(number))
        newest = await log.newest()
        await eventually(lambda: feed.place == newest)
        await log.trim(NOW, 1000)
        with pytest.raises(WatchTooOld):
            await anext(frames)


@pytest.mark.capability("R9")
async def test_what_the_snapshot_shows_is_not_told_again(
    store: AgentStore, log: PostgresChangeLog, feed: ChangeFeed
) -> None:
    agent = await registered(store, "scribe")
    async with Running(feed), aclosing(AgentWatch(log, feed).follow(TENANT, ANY, 0)) as frames:
        await eventually(lambda: _begun(feed))
        await described(store, agent, "before the snapshot")
        part = await anext(frames)
        assert isinstance(part, SnapshotPart)
        assert [each.description for each in part.agents] == ["before the snapshot"]
        await anext(frames)
        await described(store, agent, "after the snapshot")
        frame = await anext(frames)
        assert isinstance(frame, Changes)
        assert texts([change for change, _ in frame.changes]) == ["after the snapshot"]


def _begun(feed: ChangeFeed) -> bool:
    return feed.place >= 0


async def test_a_watcher_of_a_quiet_tenant_is_given_a_fresh_revision(
    store: AgentStore, log: PostgresChangeLog, feed: ChangeFeed
) -> None:
    watch = AgentWatch(log, feed, bookmark_seconds=0.01)
    async with Running(feed), aclosing(watch.follow(TENANT, ANY, 0)) as frames:
        complete = await anext(frames)
        assert isinstance(complete, SnapshotComplete)
        await registered(store, "busy", "acme")
        frame = await anext(frames)
        assert isinstance(frame, Changes)
        assert (frame.changes, frame.place) == ((), await log.newest())


@pytest.mark.parametrize(
    ("change", "capabilities", "status", "wanted", "means"),
    [
        ("REGISTERED", ["write"], "ONLINE", WatchFilter("write", status="ONLINE"), Relevance.MATCHES),
        ("REGISTERED", ["read"], "ONLINE", WatchFilter("write"), Relevance.DEPARTED),
        ("UPDATED", ["read"], "ONLINE", WatchFilter("write"), Relevance.DEPARTED),
        ("OFFLINE", ["read"], "OFFLINE", WatchFilter("write"), Relevance.NOTHING),
        ("DEREGISTERED", ["read"], "ONLINE", WatchFilter("write"), Relevance.NOTHING),
        ("DEREGISTERED", ["write"], "OFFLINE", WatchFilter("write", status="ONLINE"), Relevance.MATCHES),
        ("OFFLINE", ["write"], "OFFLINE", WatchFilter("write", status="ONLINE"), Relevance.DEPARTED),
        ("ONLINE", ["write"], "ONLINE", WatchFilter(status="OFFLINE"), Relevance.DEPARTED),
        ("UPDATED", [], "OFFLINE", WatchFilter(status="ONLINE"), Relevance.NOTHING),
        ("UPDATED", [], "DRAINING", WatchFilter(status="ONLINE"), Relevance.DEPARTED),
        ("UPDATED", [], "DRAINING", WatchFilter(status="DRAINING"), Relevance.MATCHES),
        ("UPDATED", [], "ONLINE", WatchFilter(status="OFFLINE"), Relevance.NOTHING),
        ("UPDATED", [], "OFFLINE", WatchFilter(), Relevance.MATCHES),
    ],
)
def test_what_a_change_means_to_a_watcher_with_a_filter(
    change: str, capabilities: list[str], status: str, wanted: WatchFilter, means: Relevance
) -> None:
    event = agent_event_pb2.AgentChanged(
        change=f"AGENT_CHANGE_{change}",
        agent=agent_pb2.Agent(capabilities=capabilities, status=f"AGENT_STATUS_{status}"),
    )
    assert relevance(event, wanted) is means
