"""Many callers, one commit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """Commits what callers hand in, in groups: all that came while the group before was being committed.

    A caller that is alone waits for nobody. `commit` answers one result for each item, in order; what it raises is
    raised to every caller of the group.
    """

    def __init__(self, commit: Callable[[Sequence[T]], Awaitable[Sequence[R]]], largest_group: int = 256) -> None:
        self._commit = commit
        self._largest_group = largest_group
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """The result for one item, once its group is committed."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._committing is None:
            # In a context of its own: what is ambient for this caller (a trace, a transaction) is not so for the group.
            self._committing = asyncio.create_task(self._drain(), context=Context())
        return await answer

    async def _drain(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[: self._largest_group], self._waiting[self._largest_group :]
                await self._commit_group(group)
        finally:
            self._committing = None

    async def _commit_group(self, group: Sequence[tuple[T, "asyncio.Future[R]"]]) -> None:
        try:
            results = await self._commit([item for item, _ in group])
        except Exception as error:
            # Whatever it is, it is the callers' to handle; each of them gets it.
            for _, answer in group:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), result in zip(group, results, strict=True):
            if not answer.done():
                answer.set_result(result)
