"""Topics and their members."""

from collections.abc import Sequence

from asyncpg import Record
from rookery_kit.postgres import Connection, Database, Queries

from rookery_orchestrator.topics.model import (
    MOST_RECIPIENTS,
    FanOutLimit,
    Topic,
    TopicExists,
    TopicMember,
    TopicNotFound,
)


class PostgresTopicStore:
    """Implements TopicStore."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def create(self, topic: Topic) -> Topic:
        """Keeps a topic. Raises TopicExists."""
        async with self._database.transaction(topic.tenant) as connection:
            row = await connection.fetchrow(
                self._queries["create_topic"], topic.tenant, topic.name, topic.id, topic.description, topic.creator
            )
        if row is None:
            raise TopicExists(topic.name)
        return _topic(row)

    async def find(self, tenant: str, name: str) -> Topic:
        """The topic of a name. Raises TopicNotFound."""
        async with self._database.transaction(tenant) as connection:
            return await self._find(connection, tenant, name)

    async def delete(self, tenant: str, name: str) -> None:
        """Removes a topic and its members. Raises TopicNotFound."""
        async with self._database.transaction(tenant) as connection:
            if not await connection.fetchval(self._queries["delete_topic"], tenant, name):
                raise TopicNotFound(name)

    async def page(self, tenant: str, after: str, member_agent_id: str, limit: int) -> Sequence[Topic]:
        """Topics by name, after one; only those that an agent has joined, if one is given."""
        async with self._database.transaction(tenant) as connection:
            rows = await connection.fetch(self._queries["list_topics"], tenant, after, member_agent_id or None, limit)
        return [_topic(row) for row in rows]

    async def join(self, tenant: str, name: str, agent_id: str) -> TopicMember:
        """Makes an agent a member; answers the membership it has. Raises TopicNotFound, FanOutLimit."""
        async with self._database.transaction(tenant) as connection:
            topic_id = await connection.fetchval(self._queries["lock_topic"], tenant, name)
            if topic_id is None:
                raise TopicNotFound(name)
            row = await connection.fetchrow(self._queries["find_topic_member"], topic_id, agent_id)
            if row is None:
                if await connection.fetchval(self._queries["count_topic_members"], topic_id) >= MOST_RECIPIENTS:
                    raise FanOutLimit(f"a topic has at most {MOST_RECIPIENTS:,} members", limit=str(MOST_RECIPIENTS))
                row = await connection.fetchrow(self._queries["add_topic_member"], tenant, topic_id, agent_id)
        assert row is not None
        return _member(row)

    async def leave(self, tenant: str, name: str, agent_id: str) -> None:
        """Ends a membership, if there is one. Raises TopicNotFound."""
        async with self._database.transaction(tenant) as connection:
            await self._find(connection, tenant, name)
            await connection.execute(self._queries["remove_topic_member"], tenant, name, agent_id)

    async def members(self, tenant: str, name: str, after: str, limit: int) -> Sequence[TopicMember]:
        """Members by agent id, after one. Raises TopicNotFound."""
        async with self._database.transaction(tenant) as connection:
            await self._find(connection, tenant, name)
            rows = await connection.fetch(self._queries["list_topic_members"], tenant, name, after or None, limit)
        return [_member(row) for row in rows]

    async def forget_within(self, connection: Connection, tenant: str, agent_id: str) -> None:
        """Ends the memberships of an agent that is gone, and drops copies for it, in the caller's transaction."""
        await connection.execute(self._queries["forget_member"], tenant, agent_id)
        rows = await connection.fetch(self._queries["forget_copies"], tenant, agent_id)
        await connection.execute(self._queries["end_fan_outs"], [row["place"] for row in rows])

    async def _find(self, connection: Connection, tenant: str, name: str) -> Topic:
        row = await connection.fetchrow(self._queries["find_topic"], tenant, name)
        if row is None:
            raise TopicNotFound(name)
        return _topic(row)


def _topic(row: Record) -> Topic:
    return Topic(
        id=str(row["id"]),
        tenant=row["tenant"],
        name=row["name"],
        description=row["description"],
        creator=row["creator"],
        create_time=row["create_time"],
        member_count=row["member_count"],
    )


def _member(row: Record) -> TopicMember:
    return TopicMember(str(row["agent_id"]), row["join_time"])
