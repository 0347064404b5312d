"""Fields of many values, each kept as rows of a table beside the one that is listed.

Not as arrays or jsonb, because under row-level security Postgres looks into an index only with leak-proof operators,
and those of arrays and jsonb are not. In both kinds `source` is what follows FROM, up to and with a WHERE that ties the
row to the one listed: `agent_labels AS l WHERE l.tenant = agents.tenant AND l.name = agents.name`.
"""

from dataclasses import dataclass

from rookery_kit.filtering.comparing import text_compared
from rookery_kit.filtering.expression import Comparison, Operator
from rookery_kit.filtering.fields import Parameters, require_no_key, require_operator


@dataclass(frozen=True, slots=True)
class Elements:
    """A repeated field of texts: `:` asks whether it holds a value, `:*` whether it holds any.

    `element` names the column of the values.
    """

    source: str
    element: str

    def condition(self, comparison: Comparison, parameters: Parameters) -> str:
        """The comparison in SQL."""
        require_no_key(comparison)
        require_operator(comparison, Operator.HAS)
        if comparison.value.anything:
            return _exists(self.source)
        return _exists(self.source, f"{self.element} = {parameters.add(comparison.value.text, 'text')}")


@dataclass(frozen=True, slots=True)
class Pairs:
    """A map of texts: `map:key` and `map.key:*` ask for a key, `map.key = "value"` for what it holds.

    A key that is absent is unequal to every value. `key` and `value` name the columns.
    """

    source: str
    key: str
    value: str

    def condition(self, comparison: Comparison, parameters: Parameters) -> str:
        """The comparison in SQL."""
        if len(comparison.path) == 1:
            require_operator(comparison, Operator.HAS)
            if comparison.value.anything:
                return _exists(self.source)
            return _exists(self.source, self._named(comparison.value.text, parameters))
        named = self._named(".".join(comparison.path[1:]), parameters)
        operator = comparison.operator
        if operator is Operator.HAS and comparison.value.anything:
            return _exists(self.source, named)
        within = Operator.EQUAL if operator in (Operator.HAS, Operator.UNEQUAL) else operator
        found = _exists(self.source, named, text_compared(self.value, within, comparison.value, parameters))
        return f"NOT {found}" if operator is Operator.UNEQUAL else found

    def _named(self, key: str, parameters: Parameters) -> str:
        return f"{self.key} = {parameters.add(key, 'text')}"


def _exists(source: str, *conditions: str) -> str:
    return f"EXISTS (SELECT FROM {' AND '.join((source, *conditions))})"
