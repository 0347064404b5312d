"""Looking into the audit trail."""

from collections.abc import Sequence
from dataclasses import replace

from rookery_kit.identity import Principal

from rookery_orchestrator.trail.model import MessageRecord, TrailQuery
from rookery_orchestrator.trail.store import TrailStore

MANAGE = "messages:manage"


class ListMessages:
    """Lists messages; an agent sees those that it sent or was sent, unless it may manage them all."""

    def __init__(self, store: TrailStore) -> None:
        self._store = store

    async def __call__(self, caller: Principal, query: TrailQuery) -> Sequence[MessageRecord]:
        """Messages, newest first."""
        bound = caller.kind == "agent" and not caller.permits(MANAGE)
        visible = replace(query, visible_to=caller.identifier if bound else "", agent_id=query.agent_id.lower())
        return await self._store.page(caller.tenant, visible)
