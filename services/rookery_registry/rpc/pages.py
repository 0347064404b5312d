"""Pages of a listing that is ordered by name."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from google.protobuf.message import Message
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
M = TypeVar("M", bound=Message)

# Half of what an answer may take.
_ANSWER_BYTES = 2 * 1024 * 1024


def parts_that_fit(messages: Iterable[M]) -> Iterator[Sequence[M]]:
    """The messages in parts, each as many as one answer can take; none of the parts is empty."""
    part: list[M] = []
    room = _ANSWER_BYTES
    for message in messages:
        size = message.ByteSize()
        if part and size > room:
            yield part
            part, room = [], _ANSWER_BYTES
        part.append(message)
        room -= size
    if part:
        yield part


def what_fits(messages: Iterable[M]) -> Sequence[M]:
    """The first of the messages, as many as one answer can take; at least one, if there is one."""
    return next(parts_that_fit(messages), ())


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

    def cut(self, read: Sequence[N], encode: Callable[[N], M]) -> tuple[Sequence[M], str]:
        """The items of the page, encoded, and the token of the next; empty when this is the last."""
        page = what_fits(map(encode, read[: self._size]))
        if len(page) == len(read):
            return page, ""
        return page, PageToken.encode(self._listing, read[len(page) - 1].name)
