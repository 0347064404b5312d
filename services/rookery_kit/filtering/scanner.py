"""A filter, read one word at a time."""

import re

from rookery_kit.filtering.expression import Literal, Operator
from rookery_kit.filtering.invalid import InvalidFilter

_SPACE = re.compile(r"[ \t\r\n]*")
_KEYWORD = re.compile(r"(AND|OR|NOT)(?![\w./:*=<>!-])")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_/-]*[A-Za-z0-9_])?")
_OPERATOR = re.compile(r"!=|<=|>=|[=<>:]")
_BARE_VALUE = re.compile(r"[^\s()\"'=<>!,\\]+")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SHOWN = 20


class Scanner:
    """Takes words off the front of a filter, with the white space behind them.

    Every `take_` answers None or False, and takes nothing, when something else comes next.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._skip_space()

    @property
    def position(self) -> int:
        """Where the next word begins, in characters counted from 1."""
        return self._at + 1

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self._at == len(self._text)

    def take_sign(self, sign: str) -> bool:
        """Takes one character, such as a parenthesis, if it is the next."""
        found = self._text.startswith(sign, self._at)
        if found:
            self._advance(self._at + len(sign))
        return found

    def take_keyword(self, keyword: str) -> bool:
        """Takes AND, OR or NOT, if it is the next word."""
        match = _KEYWORD.match(self._text, self._at)
        if match is None or match[1] != keyword:
            return False
        self._advance(match.end())
        return True

    def take_path(self) -> tuple[str, ...] | None:
        """Takes the name of a field, with the parts of a key after dots. Raises InvalidFilter on a dot at the end."""
        if _KEYWORD.match(self._text, self._at):
            return None
        parts: list[str] = []
        while (part := self._take_part(quoted_too=bool(parts))) is not None:
            parts.append(part)
            if not self._text.startswith(".", self._at):
                self._skip_space()
                return tuple(parts)
            self._at += 1
        if parts:
            raise self.expected("the next part of the name")
        return None

    def take_operator(self) -> Operator | None:
        """Takes a comparison."""
        match = _OPERATOR.match(self._text, self._at)
        if match is None:
            return None
        self._advance(match.end())
        return Operator(match[0])

    def take_value(self) -> Literal | None:
        """Takes a value, in quotes or bare. Raises InvalidFilter on a quote that does not close."""
        position = self.position
        if self._text.startswith(('"', "'"), self._at):
            return Literal(self._take_quoted(), written=True, position=position)
        match = _BARE_VALUE.match(self._text, self._at)
        if match is None or _KEYWORD.match(self._text, self._at):
            return None
        self._advance(match.end())
        return Literal(match[0], quoted=False, written=True, position=position)

    def expected(self, what: str) -> InvalidFilter:
        """The error that something else stands here."""
        rest = self._text[self._at :].strip()
        shown = rest if len(rest) <= _SHOWN else f"{rest[:_SHOWN]}..."
        return InvalidFilter(self.position, f"expected {what}, found {f'`{shown}`' if shown else 'the end'}")

    def _take_part(self, *, quoted_too: bool) -> str | None:
        if quoted_too and self._text.startswith(('"', "'"), self._at):
            return self._take_quoted(skip_space=False)
        match = _NAME.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[0]

    def _take_quoted(self, *, skip_space: bool = True) -> str:
        match = _QUOTED.match(self._text, self._at)
        if match is None:
            raise InvalidFilter(self.position, f"the quote {self._text[self._at]} is never closed")
        self._at = match.end()
        if skip_space:
            self._skip_space()
        return _ESCAPED.sub(r"\1", match[0][1:-1])

    def _advance(self, to: int) -> None:
        self._at = to
        self._skip_space()

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
