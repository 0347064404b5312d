"""Changes of agents, told on the bus and to watchers."""

from rookery_kit.postgres import Queries

from rookery_registry.events import agent_event
from rookery_registry.model import AgentChanged
from rookery_registry.postgres.announcing import AnnouncingTransaction


class AgentAnnouncer:
    """Implements AgentAnnouncements, in one transaction."""

    def __init__(self, transaction: AnnouncingTransaction, queries: Queries) -> None:
        self._transaction = transaction
        self._connection = transaction.connection
        self._tenant = transaction.tenant
        self._queries = queries

    async def announce(self, *changes: AgentChanged) -> None:
        """Tells the other services, and those who watch, once the transaction has committed and not otherwise."""
        if changes:
            events = [agent_event(changed) for changed in changes]
            await self._transaction.append(events)
            await self._connection.execute(
                self._queries["log_changes"],
                [changed.agent.tenant for changed in changes],
                [event.payload for event in events],
            )
