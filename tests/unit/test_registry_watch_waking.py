"""A watcher that reads the log while something new arrives is told of it."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import cast

import pytest
from harness.eventually import eventually
from rookery.events.v1 import agent_event_pb2
from rookery.registry.v1 import agent_pb2
from rookery_registry.watching.feed import ChangeFeed
from rookery_registry.watching.log import ChangeLog, LoggedChange, WatchFilter
from rookery_registry.watching.watch import AgentWatch, Changes


class Log:
    """A log in a list. While a watcher reads it, a third change is made, and heard of by the feed."""

    def __init__(self) -> None:
        self.changes: list[LoggedChange] = []
        self.feed = ChangeFeed(cast("ChangeLog", self), lambda _change: None, every_seconds=60)

    def add(self, tenant: str) -> None:
        place = len(self.changes) + 1
        agent = agent_pb2.Agent(id=f"agent-{place}", revision=place)
        change = agent_event_pb2.AGENT_CHANGE_REGISTERED
        event = agent_event_pb2.AgentChanged(change=change, agent=agent, revision=place)
        self.changes.append(LoggedChange(place, tenant, event))
        self.feed.wake()

    async def newest(self) -> int:
        return len(self.changes)

    async def advance(self, after: int, limit: int) -> Sequence[LoggedChange]:
        return self.changes[after : after + limit]

    async def after(self, tenant: str, place: int, limit: int) -> Sequence[LoggedChange]:
        found = [change for change in self.changes[place : place + limit] if change.tenant == tenant]
        self.add(tenant)
        await eventually(lambda: self.feed.place == 3)
        return found


@pytest.mark.capability("R9")
async def test_a_change_that_comes_while_a_watcher_reads_the_log_is_told_at_once() -> None:
    log = Log()
    log.add("default")
    log.add("acme")
    running = asyncio.create_task(log.feed.run())
    watch = AgentWatch(cast("ChangeLog", log), log.feed)
    try:
        # What it has not seen is behind the feed, and another tenant's.
        async with aclosing(watch.follow("default", WatchFilter(), 1)) as frames:
            frame = await asyncio.wait_for(anext(frames), 5)
    finally:
        running.cancel()
    assert isinstance(frame, Changes)
    assert [change.place for change, _ in frame.changes] == [3]
