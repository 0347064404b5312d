from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rookery_kit.filtering import (
    EVERYTHING,
    MAX_COMPARISONS,
    MAX_DEPTH,
    MAX_LENGTH,
    And,
    Comparison,
    Expression,
    InvalidFilter,
    Literal,
    Not,
    Operator,
    Or,
    parse_filter,
)


def bare(expression: Expression) -> object:
    """An expression without positions, short to write down."""
    match expression:
        case And(terms):
            return ("AND", *map(bare, terms))
        case Or(terms):
            return ("OR", *map(bare, terms))
        case Not(term):
            return ("NOT", bare(term))
        case Comparison(path, operator, value, _):
            return f"{'/'.join(path)}{operator.value}{value.text}"


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_the_empty_filter_says_everything(text: str) -> None:
    assert parse_filter(text) == EVERYTHING


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a = 1", "a=1"),
        ("a=1", "a=1"),
        ("  a  !=  b  ", "a!=b"),
        ("a <= -1.5", "a<=-1.5"),
        ("a > 2026-11-21T08:30:00+01:00", "a>2026-11-21T08:30:00+01:00"),
        ("capabilities:code-review", "capabilities:code-review"),
        ("capabilities:*", "capabilities:*"),
        ("labels.team = 'x y'", "labels/team=x y"),
        ("labels.rookery.dev/team:*", "labels/rookery/dev/team:*"),
        ('labels."any key" = "say \\"so\\" \\\\"', 'labels/any key=say "so" \\'),
        ("a = 1 AND b = 2 AND c = 3", ("AND", "a=1", "b=2", "c=3")),
        ("a = 1 OR b = 2", ("OR", "a=1", "b=2")),
        ("NOT a = 1", ("NOT", "a=1")),
        ("-a:b", ("NOT", "a:b")),
        ("NOT(a = 1)", ("NOT", "a=1")),
        ("NOT NOT a = 1", ("NOT", ("NOT", "a=1"))),
        ("a = 1 AND (b = 2 OR NOT c = 3)", ("AND", "a=1", ("OR", "b=2", ("NOT", "c=3")))),
        ("(((a = 1)))", "a=1"),
        ("NOTE = AND1 AND ORDER = NOT-this", ("AND", "NOTE=AND1", "ORDER=NOT-this")),
    ],
)
def test_a_filter_says(text: str, meaning: object) -> None:
    assert bare(parse_filter(text)) == meaning


def test_a_comparison_knows_where_it_stood() -> None:
    expression = parse_filter("a = 1 AND  labels.b != 'c'")
    assert isinstance(expression, And)
    assert expression.terms[1] == Comparison(
        ("labels", "b"), Operator.UNEQUAL, Literal("c", written=True, position=24), 12
    )


@pytest.mark.parametrize(
    ("text", "position", "fault"),
    [
        ("name", 5, "expected one of = != < <= > >= : after `name`, found the end"),
        ("name =", 7, "expected a value after `=`, found the end"),
        ("name = )", 8, "expected a value after `=`, found `)`"),
        ("name ~ 1", 6, "expected one of = != < <= > >= : after `name`, found `~ 1`"),
        ("= 1", 1, "expected the name of a field, NOT or `(`, found `= 1`"),
        ("(a = 1", 7, "expected AND, OR or `)`, found the end"),
        ("a = 1)", 6, "expected AND, OR or the end, found `)`"),
        ("a = 1 b = 2", 7, "expected AND, OR or the end, found `b = 2`"),
        ("a = 1 AND", 10, "expected the name of a field, NOT or `(`, found the end"),
        ("a = 1 AND b = 2 OR c = 3", 17, "AND and OR are mixed: say with parentheses which belong together"),
        ("a = 1 OR b = 2 AND c = 3", 16, "AND and OR are mixed: say with parentheses which belong together"),
        ("a = 'b", 5, "the quote ' is never closed"),
        ("labels. = 1", 8, "expected the next part of the name, found `= 1`"),
        ("a = b\0", 6, "this character cannot be compared with anything"),
        ("f(a)", 2, "expected one of = != < <= > >= : after `f`, found `(a)`"),
        ("a = " + "x" * MAX_LENGTH, MAX_LENGTH + 1, f"a filter has at most {MAX_LENGTH} characters"),
        ("(" * 100, MAX_DEPTH + 2, f"nested more than {MAX_DEPTH} deep"),
        ("NOT " * 100, 4 * (MAX_DEPTH + 1) + 1, f"nested more than {MAX_DEPTH} deep"),
        (" OR ".join(["a=1"] * 100), 7 * MAX_COMPARISONS + 1, f"a filter has at most {MAX_COMPARISONS} comparisons"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_with_position_and_expectation(
    text: str, position: int, fault: str
) -> None:
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(text)
    assert caught.value.metadata == {"position": str(position)}
    assert caught.value.violations == (("filter", f"at character {position}: {fault}"),)


WORDS = st.sampled_from(
    ["a", "labels.b", "=", "!=", "<=", ":", "*", "(", ")", "AND", "OR", "NOT", "-", "'x y'", '"', "\\", ".", "1s", " "]
)


@given(st.one_of(st.text(), st.lists(WORDS).map(" ".join), st.lists(WORDS).map("".join)))
@example("\ud800")
@example("a='\\")
@example("a.'b'.")
def test_whatever_comes_is_a_filter_or_an_invalid_filter(text: str) -> None:
    with suppress(InvalidFilter):
        parse_filter(text)


EXPRESSIONS = st.recursive(
    st.builds(
        Comparison,
        st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), min_size=1, max_size=2).map(tuple),
        st.sampled_from(Operator),
        st.builds(Literal, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)),
    ),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda terms: And(tuple(terms))),
        st.lists(inner, min_size=2, max_size=3).map(lambda terms: Or(tuple(terms))),
    ),
    max_leaves=8,
)


def written(expression: Expression) -> str:
    match expression:
        case And(terms):
            return f"({' AND '.join(map(written, terms))})"
        case Or(terms):
            return f"({' OR '.join(map(written, terms))})"
        case Not(term):
            return f"NOT {written(term)}"
        case Comparison(path, operator, value, _):
            escaped = value.text.replace("\\", "\\\\").replace('"', '\\"')
            return f'{".".join(path)} {operator.value} "{escaped}"'


@given(EXPRESSIONS)
def test_what_is_written_down_is_read_back(expression: Expression) -> None:
    assert bare(parse_filter(written(expression))) == bare(expression)
