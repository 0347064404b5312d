"""Agents by filter: in the order of their names, or the best first."""

from collections.abc import Sequence

from asyncpg import Record
from rookery_kit.filtering import (
    Choice,
    Elements,
    Expression,
    FilterSchema,
    Pairs,
    Text,
    boolean,
    timestamp,
    uuid,
)
from rookery_kit.postgres import Connection, Queries

from rookery_registry.matching import AgentLoad, AgentMatch, AgentSearch
from rookery_registry.model import Agent, AgentQuery
from rookery_registry.postgres.agent_rows import agent_of

# Tied to an agent by its name and not by its id, so that the rows of one capability, or of one label, lie in the order
# of a listing.
_CAPABILITIES = "agent_capabilities AS c WHERE c.tenant = agents.tenant AND c.name = agents.name"
_LABELS = "agent_labels AS l WHERE l.tenant = agents.tenant AND l.name = agents.name"

AGENT_FILTER = FilterSchema(
    {
        "id": uuid("agents.id"),
        "name": Text("agents.name"),
        "type": Text("agents.type"),
        "version": Text("agents.version"),
        "endpoint": Text("agents.endpoint"),
        "description": Text("agents.description"),
        "capabilities": Elements(_CAPABILITIES, "c.capability"),
        "labels": Pairs(_LABELS, "l.key", "l.value"),
        "status": Choice(
            {
                "ONLINE": "is_live(agents) AND NOT agents.draining",
                "DRAINING": "is_live(agents) AND agents.draining",
                "OFFLINE": "NOT is_live(agents)",
            }
        ),
        "draining": boolean("agents.draining"),
        "create_time": timestamp("agents.create_time"),
        "update_time": timestamp("agents.update_time"),
        "lease_expire_time": timestamp("agents.lease_expire_time"),
    }
)


async def list_agents(connection: Connection, queries: Queries, tenant: str, query: AgentQuery) -> Sequence[Agent]:
    """The agents of a query, by name. Raises InvalidFilter."""
    rows = await _fetch(connection, queries["list_agents"], query.filter, tenant, query.after, query.limit)
    return [agent_of(row) for row in rows]


async def rank_agents(
    connection: Connection, queries: Queries, tenant: str, search: AgentSearch
) -> Sequence[AgentMatch]:
    """The agents of a search, best first. Raises InvalidFilter."""
    # How many agents are candidates depends so much on the values that a plan made for all of them fits few.
    await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    rows = await _fetch(connection, queries["rank_agents"], search.condition, tenant, search.limit, search.max_cost)
    return [AgentMatch(agent_of(row), row["cost"], _load_of(row)) for row in rows]


async def _fetch(connection: Connection, sql: str, wanted: Expression, *arguments: object) -> Sequence[Record]:
    condition = AGENT_FILTER.condition(wanted, first_parameter=len(arguments) + 1)
    return await connection.fetch(sql.format(condition=condition.sql), *arguments, *condition.arguments)


def _load_of(row: Record) -> AgentLoad | None:
    if row["report_time"] is None:
        return None
    return AgentLoad(row["in_flight"], row["capacity"], row["error_rate"], row["mean_response_ms"], row["report_time"])
