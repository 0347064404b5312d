"""Listing the record."""

from collections.abc import Sequence
from dataclasses import dataclass

from rookery_kit.postgres.paging import PageToken, page_size

from rookery_tool_executor.model import Execution
from rookery_tool_executor.store import ExecutionQuery, LedgerStore


@dataclass(frozen=True, slots=True)
class ListedExecutions:
    """Executions, newest first."""

    executions: Sequence[Execution]
    next_page_token: str


class ListExecutions:
    """Reads the ledger in pages."""

    def __init__(self, store: LedgerStore, byte_budget: int) -> None:
        self._store = store
        self._byte_budget = byte_budget

    async def page(self, tenant: str, *, server: str, task_id: str, size: int, token: str) -> ListedExecutions:
        """One page; an empty `server` or `task_id` means any. Raises InvalidPageToken."""
        listing = f"executions/{tenant}/{server}/{task_id}"
        after = PageToken.decode(listing, token)
        query = ExecutionQuery(after[0] if after else None, server, task_id, page_size(size), self._byte_budget)
        page = await self._store.page(tenant, query)
        more = page.more and bool(page.executions)
        return ListedExecutions(page.executions, PageToken.encode(listing, page.executions[-1].id) if more else "")
