"""The ids of what was stored lately."""

from collections.abc import Collection


class RecentIds:
    """Knows the latest ids, at least so many and at most twice as many."""

    def __init__(self, least: int) -> None:
        self._least = least
        self._new: set[str] = set()
        self._old: set[str] = set()

    def __contains__(self, known: str) -> bool:
        return known in self._new or known in self._old

    def add(self, ids: Collection[str]) -> None:
        """Takes ids; the oldest are forgotten for them, many at a time."""
        self._new.update(ids)
        if len(self._new) >= self._least:
            self._old, self._new = self._new, set()
