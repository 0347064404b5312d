from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rookery_kit.filtering import (
    Choice,
    Comparison,
    Elements,
    Expression,
    Field,
    FilterSchema,
    InvalidFilter,
    Literal,
    Operator,
    Pairs,
    Text,
    boolean,
    duration,
    enumeration,
    integer,
    parse_filter,
    real,
    timestamp,
    uuid,
)
from rookery_kit.filtering.comparing import first_after

FIELDS: dict[str, Field] = {
    "name": Text("t.name"),
    "id": uuid("t.id"),
    "attempts": integer("t.attempts"),
    "load": real("t.load"),
    "enabled": boolean("t.enabled"),
    "create_time": timestamp("t.create_time"),
    "lease": duration("t.lease"),
    "state": enumeration("t.state", {"WORKING": 2, "FAILED": "failed"}),
    "status": Choice({"ONLINE": "is_live(t)"}),
    "tags": Elements("tags AS g WHERE g.id = t.id", "g.tag"),
    "labels": Pairs("labels AS l WHERE l.id = t.id", "l.key", "l.value"),
}
SCHEMA = FilterSchema(FIELDS)
ID = "0198c0de-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("text", "sql", "arguments"),
    [
        ("", "TRUE", ()),
        ("name = x", "t.name = $3::text", ("x",)),
        ("name != x", "t.name IS DISTINCT FROM $3::text", ("x",)),
        ("name = 'x*'", '(t.name COLLATE "C" >= $3::text AND t.name COLLATE "C" < $4::text)', ("x", "y")),
        (
            "name != x*",
            '(t.name COLLATE "C" >= $3::text AND t.name COLLATE "C" < $4::text) IS NOT TRUE',
            ("x", "y"),
        ),
        ("name >= x*", 't.name COLLATE "C" >= $3::text', ("x*",)),
        ("name:*", "t.name IS NOT NULL", ()),
        (f"id = {ID.upper()}", "t.id = $3::uuid", (ID,)),
        ("attempts >= -3", "t.attempts >= $3::bigint", (-3,)),
        ("load < 1e-1", "t.load < $3::double precision", (0.1,)),
        ("enabled = true", "t.enabled = $3::boolean", (True,)),
        (
            "create_time > 2026-11-21T09:30:00.5+01:00",
            "t.create_time > $3::timestamptz",
            (datetime(2026, 11, 21, 8, 30, 0, 500_000, UTC),),
        ),
        ("lease <= 1.5s", "t.lease <= $3::interval", (timedelta(seconds=1.5),)),
        ("state = WORKING", "(t.state = 2)", ()),
        ("state != FAILED", "(t.state = 'failed') IS NOT TRUE", ()),
        ("status = ONLINE", "(is_live(t))", ()),
        ("tags:x", "EXISTS (SELECT FROM tags AS g WHERE g.id = t.id AND g.tag = $3::text)", ("x",)),
        ("NOT tags:*", "NOT EXISTS (SELECT FROM tags AS g WHERE g.id = t.id)", ()),
        ("tags:*", "EXISTS (SELECT FROM tags AS g WHERE g.id = t.id)", ()),
        ("tags:'*'", "EXISTS (SELECT FROM tags AS g WHERE g.id = t.id AND g.tag = $3::text)", ("*",)),
        ("labels:x", "EXISTS (SELECT FROM labels AS l WHERE l.id = t.id AND l.key = $3::text)", ("x",)),
        ("labels:*", "EXISTS (SELECT FROM labels AS l WHERE l.id = t.id)", ()),
        ("labels.a.b:*", "EXISTS (SELECT FROM labels AS l WHERE l.id = t.id AND l.key = $3::text)", ("a.b",)),
        (
            "labels.x = y",
            "EXISTS (SELECT FROM labels AS l WHERE l.id = t.id AND l.key = $3::text AND l.value = $4::text)",
            ("x", "y"),
        ),
        (
            "labels.x != y",
            "NOT EXISTS (SELECT FROM labels AS l WHERE l.id = t.id AND l.key = $3::text AND l.value = $4::text)",
            ("x", "y"),
        ),
        (
            "name = x AND (load > 1 OR NOT enabled = false)",
            "(t.name = $3::text AND (t.load > $4::double precision OR (t.enabled = $5::boolean) IS NOT TRUE))",
            ("x", 1.0, False),
        ),
    ],
)
def test_a_filter_becomes_sql_with_parameters(text: str, sql: str, arguments: tuple[object, ...]) -> None:
    condition = SCHEMA.condition(parse_filter(text), first_parameter=3)
    assert (condition.sql, condition.arguments) == (sql, arguments)


@pytest.mark.parametrize(
    ("text", "position", "fault"),
    [
        ("name = x AND nobody = 1", 14, f"there is no field `nobody`; there are {', '.join(FIELDS)}"),
        ("name.first = x", 1, "`name` has no fields of its own"),
        ("name:x", 1, "compare `name` with =, or ask for presence with :*"),
        ("attempts = few", 12, "expected a whole number of 64 bits, such as 42"),
        ("attempts = 9223372036854775808", 12, "expected a whole number of 64 bits, such as 42"),
        ("load = 1e999", 8, "expected a number, such as 0.5"),
        ("load = nan", 8, "expected a number, such as 0.5"),
        ("enabled = yes", 11, "expected true or false"),
        ("enabled > true", 1, "`enabled` is compared with = != : only"),
        ("id = scribe", 6, "expected a UUID"),
        ("create_time > yesterday", 15, "expected a timestamp of RFC 3339, such as 2026-11-21T08:30:00Z"),
        ("create_time > 2026-11-21T08:30:00", 15, "expected a timestamp of RFC 3339, such as 2026-11-21T08:30:00Z"),
        ("create_time > 2026-13-21T08:30:00Z", 15, "expected a timestamp of RFC 3339, such as 2026-11-21T08:30:00Z"),
        ("create_time > 0001-01-01T00:00:00+10:00", 15, "expected a timestamp of RFC 3339"),
        ("lease = 20", 9, "expected a duration in seconds, such as 20s or 1.5s"),
        ("lease = 99999999999999999999s", 9, "expected a duration in seconds, such as 20s or 1.5s"),
        ("state = IDLE", 9, "expected one of WORKING, FAILED"),
        ("state > WORKING", 1, "`state` is compared with = != only"),
        ("tags = x", 1, "`tags` is compared with : only"),
        ("tags.x = y", 1, "`tags` has no fields of its own"),
        ("labels = x", 1, "`labels` is compared with : only"),
    ],
)
def test_a_comparison_that_a_field_does_not_know_is_refused(text: str, position: int, fault: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        SCHEMA.condition(parse_filter(text), first_parameter=1)
    (violation,) = caught.value.violations
    assert violation[0] == "filter"
    assert violation[1].startswith(f"at character {position}: {fault}")


def test_a_value_that_a_program_makes_stands_for_itself() -> None:
    made = Comparison(("labels", "x"), Operator.EQUAL, Literal("y*"))
    assert SCHEMA.condition(made, first_parameter=1).arguments == ("x", "y*")
    anything = Comparison(("tags",), Operator.HAS, Literal("*"))
    assert SCHEMA.condition(anything, first_parameter=1).arguments == ("*",)


def test_the_name_of_an_enums_value_is_a_name() -> None:
    with pytest.raises(ValueError, match="is not the name"):
        enumeration("t.state", {"X": "x' OR true --"})


OPERATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", ":"])
COMPARISONS = st.tuples(
    st.sampled_from([*FIELDS, "labels.team"]),
    OPERATORS,
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        st.integers().map(str),
        st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
        st.floats().map(lambda number: f"{number}s"),
    ),
)


@given(COMPARISONS)
def test_no_letter_of_a_value_becomes_sql(comparison: tuple[str, str, str]) -> None:
    field, operator, value = comparison
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    read: Expression = parse_filter(f'{field} {operator} "{escaped}"')
    try:
        condition = SCHEMA.condition(read, first_parameter=1)
    except InvalidFilter:
        return
    plain = SCHEMA.condition(parse_filter(f"{field} {operator} {EXAMPLES[field]}"), first_parameter=1)
    prefixed = value.endswith("*") and operator in ("=", "!=") and field in ("name", "labels.team")
    assert condition.sql == plain.sql or prefixed or field in ("state", "status")
    assert all(f"${number}::" in condition.sql for number in range(1, len(condition.arguments) + 1))


EXAMPLES = {
    "name": "x",
    "id": ID,
    "attempts": "1",
    "load": "1",
    "enabled": "true",
    "create_time": "2026-11-21T08:30:00Z",
    "lease": "1s",
    "state": "WORKING",
    "status": "ONLINE",
    "tags": "x",
    "labels": "x",
    "labels.team": "x",
}


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_prefix_is_a_range_that_ends_after_the_last_text_that_begins_so(prefix: str, rest: str) -> None:
    after = first_after(prefix)
    assert after is None or (prefix + rest).encode() < after.encode()
    assert after is None or not after.startswith(prefix) or not prefix
