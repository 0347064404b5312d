"""The fields of one listing, and a filter of it as SQL."""

from collections.abc import Mapping
from dataclasses import dataclass

from rookery_kit.filtering.expression import And, Comparison, Expression, Not, Or
from rookery_kit.filtering.fields import Field, Parameters
from rookery_kit.filtering.invalid import InvalidFilter


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition in SQL, in parentheses where it needs them, with the values of its parameters in order."""

    sql: str
    arguments: tuple[object, ...]


class FilterSchema:
    """What a listing can be filtered by, and under which names."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fields = fields

    def condition(self, expression: Expression, *, first_parameter: int) -> Condition:
        """A filter as what follows WHERE or AND; its parameters are numbered from `first_parameter`.

        Raises InvalidFilter on a field that there is not, and on a comparison that its kind does not know.
        """
        parameters = Parameters(first_parameter)
        sql = self._render(expression, parameters)
        return Condition(sql, tuple(parameters.values))

    def _render(self, expression: Expression, parameters: Parameters) -> str:
        match expression:
            case And(terms):
                return self._joined(" AND ", terms, parameters) if terms else "TRUE"
            case Or(terms):
                return self._joined(" OR ", terms, parameters)
            case Not(term):
                sql = self._render(term, parameters)
                # EXISTS is never NULL, and negated plainly it can be planned as an anti-join.
                return f"NOT {sql}" if sql.startswith("EXISTS") else f"({sql}) IS NOT TRUE"
            case Comparison():
                return self._field(expression).condition(expression, parameters)

    def _joined(self, word: str, terms: tuple[Expression, ...], parameters: Parameters) -> str:
        return f"({word.join(self._render(term, parameters) for term in terms)})"

    def _field(self, comparison: Comparison) -> Field:
        field = self._fields.get(comparison.path[0])
        if field is None:
            known = ", ".join(self._fields)
            raise InvalidFilter(comparison.position, f"there is no field `{comparison.path[0]}`; there are {known}")
        return field
