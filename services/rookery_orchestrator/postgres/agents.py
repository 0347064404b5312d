"""The projection of agents."""

from asyncpg import Record
from rookery_kit.postgres import Connection, Database, Queries

from rookery_orchestrator.directory import KnownAgent


class PostgresAgentProjection:
    """Implements AgentProjection."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def find(self, tenant: str, agent_id: str) -> KnownAgent | None:
        """The agent of an id, if it is known."""
        async with self._database.transaction(tenant) as connection:
            row = await connection.fetchrow(self._queries["find_agent"], tenant, agent_id)
        return _agent(row) if row else None

    async def find_by_name(self, tenant: str, name: str) -> KnownAgent | None:
        """The agent of a name, if it is known."""
        async with self._database.transaction(tenant) as connection:
            row = await connection.fetchrow(self._queries["find_agent_by_name"], tenant, name)
        return _agent(row) if row else None

    async def learn(self, agent: KnownAgent) -> None:
        """Keeps an agent, unless a later revision of it is known."""
        async with self._database.transaction(agent.tenant) as connection:
            await self.learn_within(connection, agent, registered=True)

    async def learn_within(self, connection: Connection, agent: KnownAgent, *, registered: bool) -> None:
        """As `learn`, in the caller's transaction; also that an agent is gone."""
        await connection.execute(
            self._queries["learn_agent"],
            agent.tenant,
            agent.id,
            agent.name,
            list(agent.capabilities),
            agent.online,
            registered,
            agent.session_epoch,
            agent.revision,
        )


def _agent(row: Record) -> KnownAgent:
    return KnownAgent(
        id=str(row["id"]),
        tenant=row["tenant"],
        name=row["name"],
        capabilities=tuple(row["capabilities"]),
        online=row["online"],
        session_epoch=row["session_epoch"],
        revision=row["revision"],
    )
