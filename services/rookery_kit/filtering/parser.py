"""From text to expression, by recursive descent."""

import re
from collections.abc import Callable

from rookery_kit.filtering.expression import EVERYTHING, And, Comparison, Expression, Not, Or
from rookery_kit.filtering.invalid import InvalidFilter
from rookery_kit.filtering.scanner import Scanner

MAX_LENGTH = 2000
"""In characters."""

MAX_DEPTH = 16
"""Of parentheses and negations within each other."""

MAX_COMPARISONS = 64

# Postgres takes neither NUL nor halves of surrogate pairs.
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")


def parse_filter(text: str) -> Expression:
    """What a filter says; white space alone says EVERYTHING.

    Raises InvalidFilter, and nothing else, whatever the text: with the position of the first fault.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidFilter(MAX_LENGTH + 1, f"a filter has at most {MAX_LENGTH} characters")
    impossible = _IMPOSSIBLE.search(text)
    if impossible is not None:
        raise InvalidFilter(impossible.start() + 1, "this character cannot be compared with anything")
    scanner = Scanner(text)
    if scanner.ended:
        return EVERYTHING
    return _Parser(scanner).whole()


class _Parser:
    """One reading of one filter.

    whole      = expression end
    expression = factor { "AND" factor } | factor { "OR" factor }
    factor     = [ "NOT" | "-" ] ( "(" expression ")" | comparison )

    AIP-160 lets OR bind tighter than AND, against every habit. Here the two do not mix without parentheses, so that
    what is accepted means what both its writer and AIP-160 think.
    """

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._depth = 0
        self._comparisons = 0

    def whole(self) -> Expression:
        expression = self._expression()
        if not self._scanner.ended:
            raise self._scanner.expected("AND, OR or the end")
        return expression

    def _expression(self) -> Expression:
        first = self._factor()
        for keyword, other, kind in (("AND", "OR", And), ("OR", "AND", Or)):
            terms = [first]
            while self._scanner.take_keyword(keyword):
                terms.append(self._factor())
            position = self._scanner.position
            if len(terms) > 1:
                if self._scanner.take_keyword(other):
                    raise InvalidFilter(position, "AND and OR are mixed: say with parentheses which belong together")
                return kind(tuple(terms))
        return first

    def _factor(self) -> Expression:
        if self._scanner.take_keyword("NOT") or self._scanner.take_sign("-"):
            return Not(self._deeper(self._factor))
        if self._scanner.take_sign("("):
            inner = self._deeper(self._expression)
            if not self._scanner.take_sign(")"):
                raise self._scanner.expected("AND, OR or `)`")
            return inner
        return self._comparison()

    def _deeper(self, read: Callable[[], Expression]) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidFilter(self._scanner.position, f"nested more than {MAX_DEPTH} deep")
        inner = read()
        self._depth -= 1
        return inner

    def _comparison(self) -> Expression:
        position = self._scanner.position
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise InvalidFilter(position, f"a filter has at most {MAX_COMPARISONS} comparisons")
        path = self._scanner.take_path()
        if path is None:
            raise self._scanner.expected("the name of a field, NOT or `(`")
        operator = self._scanner.take_operator()
        if operator is None:
            raise self._scanner.expected(f"one of = != < <= > >= : after `{'.'.join(path)}`")
        value = self._scanner.take_value()
        if value is None:
            raise self._scanner.expected(f"a value after `{operator.value}`")
        return Comparison(path, operator, value, position)
