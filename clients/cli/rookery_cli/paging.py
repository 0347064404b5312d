"""Reading a listing page by page."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
_PAGE = 200

# Given a page size and a page token: the items and the token of the next page, empty after the last.
Fetch = Callable[[int, str], Awaitable[tuple[Sequence[T], str]]]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a listing is wanted: the first `limit`, or all of it when `limit` is None."""

    limit: int | None


async def collect(fetch: Fetch[T], extent: Extent) -> tuple[list[T], bool]:
    """The items wanted, and whether there are more."""
    items: list[T] = []
    token = ""
    while True:
        wanted = _PAGE if extent.limit is None else min(_PAGE, extent.limit - len(items))
        page, token = await fetch(wanted, token)
        items += page
        if not token:
            return items, False
        if extent.limit is not None and len(items) >= extent.limit:
            return items, True
