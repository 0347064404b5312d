import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rookery_tool_executor.model import ToolArgumentsInvalid
from rookery_tool_executor.service.arguments import parse_arguments
from rookery_tool_executor.sessions.tool_schema import MAX_VIOLATIONS, SchemaUnusable, ToolSchema

pytestmark = pytest.mark.capability("X3")

POINT = {
    "type": "object",
    "properties": {
        "x": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "inner": {"$ref": "#/$defs/inner"},
    },
    "required": ["x"],
    "additionalProperties": False,
    "$defs": {"inner": {"type": "object", "properties": {"y": {"type": "number"}}}},
}


def test_no_bytes_are_no_arguments() -> None:
    assert parse_arguments(b"") == {}


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.booleans(), st.integers(), st.text())))
def test_every_json_object_is_taken(value: dict[str, Any]) -> None:
    assert parse_arguments(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"[1]", "not a JSON object"),
        (b'"x"', "not a JSON object"),
        (b"{", "not JSON"),
        (b'{"a": 1} trailing', "not JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e400}', "out of range"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\\ud800"}', "not UTF-8"),
        (b'{"a":' + b"[" * 100_000, "cannot be read|not JSON"),
    ],
)
def test_anything_else_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ToolArgumentsInvalid, match=words) as caught:
        parse_arguments(data)
    assert caught.value.violations[0][0] == "arguments"


def test_escaped_pairs_of_surrogates_are_characters() -> None:
    assert parse_arguments(b'{"a": "\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}


def test_what_matches_breaks_nothing() -> None:
    assert ToolSchema(POINT).violations({"x": 1, "tags": ["a"], "inner": {"y": 0.5}}, "arguments") == ()


def test_each_violation_names_its_path() -> None:
    violations = ToolSchema(POINT).violations({"tags": ["a", 2], "inner": {"y": "z"}, "more": 1}, "arguments")
    paths = [path for path, _ in violations]
    assert sorted(paths) == ["arguments", "arguments", "arguments.inner.y", "arguments.tags[1]"]
    assert any("'x' is a required property" in description for _, description in violations)


def test_violations_are_bounded_in_number_and_length() -> None:
    schema = ToolSchema({"type": "object", "additionalProperties": {"type": "integer"}})
    violations = schema.violations({str(number): "x" * 10_000 for number in range(100)}, "arguments")
    assert len(violations) == MAX_VIOLATIONS
    assert all(len(description) <= 300 for _, description in violations)


def test_a_reference_out_of_the_schema_is_never_followed() -> None:
    schema = ToolSchema({"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}})
    with pytest.raises(SchemaUnusable, match="does not lead anywhere"):
        schema.violations({"a": 1}, "arguments")


def test_a_schema_that_is_none_is_unusable() -> None:
    with pytest.raises(SchemaUnusable):
        ToolSchema({"type": "no such type"}).violations({}, "arguments")


def test_a_schema_without_end_is_unusable() -> None:
    with pytest.raises(SchemaUnusable):
        ToolSchema({"$ref": "#"}).violations({}, "arguments")
