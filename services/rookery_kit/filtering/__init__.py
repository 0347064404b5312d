"""Filters of listings: a subset of AIP-160, from a caller's text to SQL with parameters.

    capabilities:search AND NOT (labels.team = "x" OR name = "builder-*") AND create_time > 2026-11-01T00:00:00Z

AND, OR, NOT (or `-`), parentheses, the comparisons = != < <= > >=, and `:`, which asks a repeated field for an element,
a map for a key and, with `*`, any field whether it has a value. Not taken over from AIP-160: bare words, functions,
and AND beside OR without parentheses, which reads differently there than everywhere else.

A service writes down what its listing can be filtered by, beside its SQL:

    AGENT_FILTER = FilterSchema({
        "name": Text("agents.name"),
        "create_time": timestamp("agents.create_time"),
        "status": Choice({"ONLINE": "is_live(agents)", "OFFLINE": "NOT is_live(agents)"}),
        "labels": Pairs("labels AS l WHERE l.tenant = agents.tenant AND l.agent = agents.name", "l.key", "l.value"),
    })

Its edge reads the text (`parse_filter`), its query carries the expression, and its store puts the two together:

    condition = AGENT_FILTER.condition(query.filter, first_parameter=4)
    sql = f"SELECT * FROM agents WHERE tenant = $1 AND name > $2 AND {condition.sql} ORDER BY name LIMIT $3"
    rows = await connection.fetch(sql, tenant, after, limit, *condition.arguments)

Both steps raise InvalidFilter: INVALID_ARGUMENT with the field path `filter`, the position and what was expected. A
page token is bound to the filter by making the text part of the listing's name: `PageToken.encode(f"agents {filter}",
key)`. Conditions that come from other fields of a request are Comparisons too: `And((Comparison(("name",),
Operator.EQUAL, Literal("scribe")), parse_filter(request.filter)))`. In a request the field is
`string filter = N [(buf.validate.field).string.max_len = 2000];`.
"""

from rookery_kit.filtering.columns import (
    Choice,
    Column,
    Text,
    boolean,
    duration,
    enumeration,
    integer,
    real,
    timestamp,
    uuid,
)
from rookery_kit.filtering.expression import (
    EVERYTHING,
    And,
    Comparison,
    Expression,
    Literal,
    Not,
    Operator,
    Or,
)
from rookery_kit.filtering.fields import Field, Parameters
from rookery_kit.filtering.invalid import InvalidFilter
from rookery_kit.filtering.parser import MAX_COMPARISONS, MAX_DEPTH, MAX_LENGTH, parse_filter
from rookery_kit.filtering.schema import Condition, FilterSchema
from rookery_kit.filtering.side_tables import Elements, Pairs

__all__ = [
    "EVERYTHING",
    "MAX_COMPARISONS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "And",
    "Choice",
    "Column",
    "Comparison",
    "Condition",
    "Elements",
    "Expression",
    "Field",
    "FilterSchema",
    "InvalidFilter",
    "Literal",
    "Not",
    "Operator",
    "Or",
    "Pairs",
    "Parameters",
    "Text",
    "boolean",
    "duration",
    "enumeration",
    "integer",
    "parse_filter",
    "real",
    "timestamp",
    "uuid",
]
