"""Comparisons of one value, in SQL."""

from rookery_kit.filtering.expression import Literal, Operator
from rookery_kit.filtering.fields import Parameters

_LAST_LETTER = "\U0010ffff"
_BEFORE_SURROGATES, _AFTER_SURROGATES = "\ud7ff", "\ue000"


def compared(sql: str, operator: Operator, value: str) -> str:
    """A comparison in which NULL is unequal to every value, and neither above nor below any."""
    if operator is Operator.UNEQUAL:
        return f"{sql} IS DISTINCT FROM {value}"
    return f"{sql} {operator.value} {value}"


def text_compared(sql: str, operator: Operator, value: Literal, parameters: Parameters) -> str:
    """A comparison of texts, in the order of their code points.

    With = and != a `*` at the end of a written value stands for whatever follows.
    """
    prefix = value.prefix if operator in (Operator.EQUAL, Operator.UNEQUAL) else None
    if prefix is None:
        equality = operator in (Operator.EQUAL, Operator.UNEQUAL)
        return compared(sql if equality else _by_code_point(sql), operator, parameters.add(value.text, "text"))
    begins = _begins(sql, prefix, parameters)
    return begins if operator is Operator.EQUAL else f"{begins} IS NOT TRUE"


def _begins(sql: str, prefix: str, parameters: Parameters) -> str:
    """A range and no function, since under row-level security only a range is looked up in an index."""
    condition = f"{_by_code_point(sql)} >= {parameters.add(prefix, 'text')}"
    after = first_after(prefix)
    if after is not None:
        condition += f" AND {_by_code_point(sql)} < {parameters.add(after, 'text')}"
    return f"({condition})"


def _by_code_point(sql: str) -> str:
    return f'{sql} COLLATE "C"'


def first_after(prefix: str) -> str | None:
    """The first text, by code points, above all that begin with `prefix`; None when there is none."""
    stem = prefix.rstrip(_LAST_LETTER)
    if not stem:
        return None
    last = stem[-1]
    return stem[:-1] + (_AFTER_SURROGATES if last == _BEFORE_SURROGATES else chr(ord(last) + 1))
