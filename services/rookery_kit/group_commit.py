"""Many callers, one commit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """Commits what callers hand in, in groups: all that came while the group before was being committed.

    A caller that is alone waits for nobody. Groups are committed one after another, so what was handed in first is
    committed first. `commit` answers one result for each item, in order; what it raises is raised to every caller of
    the group. What a caller hands in at once is never torn apart, so a group can be larger than `largest_group`.
    `gather` is awaited before each group, for more to come in.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        largest_group: int = 256,
        gather: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._commit = commit
        self._largest_group = largest_group
        self._gather = gather
        self._waiting: list[tuple[Sequence[T], asyncio.Future[Sequence[R]]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """The result for one item, once its group is committed."""
        return (await self.submit_all((item,)))[0]

    def submit_all(self, items: Sequence[T]) -> "asyncio.Future[Sequence[R]]":
        """The results for several, in order, once their group is committed. They have their place from now on."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[R]] = loop.create_future()
        self._waiting.append((items, answer))
        if self._committing is None:
            # In a context of its own: what is ambient for this caller (a trace, a transaction) is not so for the group.
            self._committing = loop.create_task(self._drain(), context=Context())
        return answer

    async def _drain(self) -> None:
        try:
            while self._waiting:
                if self._gather is not None:
                    await self._gather()
                count, size = 0, 0
                while count < len(self._waiting) and (
                    not count or size + len(self._waiting[count][0]) <= self._largest_group
                ):
                    size += len(self._waiting[count][0])
                    count += 1
                group, self._waiting = self._waiting[:count], self._waiting[count:]
                await self._commit_group(group)
        finally:
            self._committing = None

    async def _commit_group(self, group: Sequence[tuple[Sequence[T], "asyncio.Future[Sequence[R]]"]]) -> None:
        try:
            results = await self._commit([item for items, _ in group for item in items])
        except Exception as error:
            # Whatever it is, it is the callers' to handle; each of them gets it.
            for _, answer in group:
                if not answer.done():
                    answer.set_exception(error)
            return
        place = 0
        for items, answer in group:
            if not answer.done():
                answer.set_result(results[place : place + len(items)])
            place += len(items)
