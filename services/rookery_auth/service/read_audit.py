"""Reading the audit log."""

from dataclasses import dataclass

from rookery_kit.filtering import parse_filter
from rookery_kit.postgres.paging import InvalidPageToken, PageToken, page_size

from rookery_auth.model import LoggedEvent
from rookery_auth.store import AuditLog


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What is asked for; an empty filter asks for all."""

    tenant: str
    filter: str
    oldest_first: bool
    size: int
    token: str


class ReadAudit:
    """Lists events in the order of the log."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    async def page(self, query: AuditQuery) -> tuple[list[LoggedEvent], str]:
        """A page of events, and the token of the next. Raises InvalidFilter, InvalidPageToken."""
        expression = parse_filter(query.filter)
        listing = f"audit {query.oldest_first} {query.filter}"
        limit = page_size(query.size)
        found = list(
            await self._log.page(
                query.tenant,
                expression,
                after=_after(listing, query.token),
                oldest_first=query.oldest_first,
                limit=limit + 1,
            )
        )
        page = found[:limit]
        return page, PageToken.encode(listing, str(page[-1].sequence)) if len(found) > limit else ""


def _after(listing: str, token: str) -> int | None:
    decoded = PageToken.decode(listing, token)
    if decoded is None:
        return None
    if not decoded[0].isdecimal() or len(decoded[0]) > 18:
        raise InvalidPageToken("the page token is not one of this listing; begin again without one")
    return int(decoded[0])
