import pytest
from rookery_kit.postgres.queries import parse_queries

TEXT = """
-- Comments of the file stand before the first heading.

-- name: find_agent
-- By id, whatever its state.
SELECT *
FROM agent -- this comment is the database's to skip
WHERE id = $1;

-- name: count_agents
SELECT count(*) FROM agent
"""


def test_queries_are_found_by_name_without_their_comments_and_semicolons() -> None:
    queries = parse_queries(TEXT)
    assert list(queries) == ["find_agent", "count_agents"]
    assert queries["find_agent"].startswith("SELECT *\nFROM agent")
    assert queries["find_agent"].endswith("WHERE id = $1")
    assert queries["count_agents"] == "SELECT count(*) FROM agent"


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="find_agent stands twice"):
        parse_queries(TEXT + "\n-- name: find_agent\nSELECT 1")


def test_a_text_without_headings_holds_no_query() -> None:
    assert parse_queries("SELECT 1") == {}
