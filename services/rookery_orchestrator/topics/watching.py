"""Watching a topic without being a member."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from rookery_kit.identity import Principal

from rookery_orchestrator.topics.model import LoggedPublication, Start
from rookery_orchestrator.topics.store import TopicLog, TopicStore


class WatchTopic:
    """Tells of what is published."""

    def __init__(self, store: TopicStore, log: TopicLog) -> None:
        self._store = store
        self._log = log

    async def __call__(
        self, caller: Principal, name: str, start: Start
    ) -> AsyncGenerator[LoggedPublication | None, None]:
        """None once the watch has begun, then publications, until the topic is removed.

        Raises TopicNotFound, at the beginning or when the topic is removed, or Unavailable.
        """
        topic = await self._store.find(caller.tenant, name)
        begun = False
        async with aclosing(self._log.read(topic, start)) as publications:
            async for publication in publications:
                if publication is not None or not begun:
                    begun = True
                    yield publication
                elif (await self._store.find(caller.tenant, name)).id != topic.id:
                    return
