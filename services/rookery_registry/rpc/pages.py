"""Pages of a listing that is ordered by name."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from rookery_kit.postgres.paging import PageToken, page_size


class PageRequest(Protocol):
    """What every request for a page has."""

    page_size: int
    page_token: str


class Named(Protocol):
    """What is listed by name."""

    @property
    def name(self) -> str:
        """The sort key."""
        ...


N = TypeVar("N", bound=Named)


class NamePage:
    """One page that was asked for. `listing` holds the listing's kind and filters, to which its tokens are bound."""

    def __init__(self, request: PageRequest, *listing: object) -> None:
        self._listing = repr(listing)
        self._size = page_size(request.page_size)
        keys = PageToken.decode(self._listing, request.page_token)
        self.after = keys[0] if keys else None

    @property
    def limit(self) -> int:
        """How many to read: one more than the page holds, to see whether there is another."""
        return self._size + 1

    def cut(self, read: Sequence[N]) -> tuple[Sequence[N], str]:
        """The items of the page and the token of the next; empty when this is the last."""
        if len(read) < self.limit:
            return read, ""
        page = read[: self._size]
        return page, PageToken.encode(self._listing, page[-1].name)
