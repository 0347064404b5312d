"""Checking JSON values against the JSON Schemas that tools declare."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import jsonschema
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

MAX_VIOLATIONS = 20
_DESCRIPTION_CHARACTERS = 300


class SchemaUnusable(Exception):
    """The schema is not valid, or refers to something outside itself."""


class ToolSchema:
    """One schema, compiled at its first use. References lead within it or to the metaschemas; nothing is fetched."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._validator: Validator | None = None

    def violations(self, value: Any, root: str) -> tuple[tuple[str, str], ...]:  # noqa: ANN401 -- any JSON value
        """What of `value` breaks the schema: pairs of path, beginning with `root`, and description.

        Empty when nothing does; at most MAX_VIOLATIONS. Raises SchemaUnusable.
        """
        validator = self._validator or self._compile()
        try:
            errors = islice(validator.iter_errors(value), MAX_VIOLATIONS)
            return tuple((_path(root, error.absolute_path), _brief(error.message)) for error in errors)
        except Unresolvable as error:
            raise SchemaUnusable(_brief(f"its $ref {error.ref!r} does not lead anywhere within it")) from error
        except RecursionError as error:
            raise SchemaUnusable("its references go round in a circle, or the value is nested too deeply") from error

    def _compile(self) -> Validator:
        chosen = validator_for(self._schema, default=jsonschema.Draft202012Validator)
        try:
            chosen.check_schema(self._schema)
        except jsonschema.SchemaError as error:
            raise SchemaUnusable(_brief(error.message)) from error
        # The registry is empty, so that a `$ref` to an address is refused instead of fetched.
        self._validator = chosen(self._schema, registry=Registry())
        return self._validator


def _brief(text: str) -> str:
    return text if len(text) <= _DESCRIPTION_CHARACTERS else text[: _DESCRIPTION_CHARACTERS - 1] + "…"


def _path(root: str, parts: Iterable[str | int]) -> str:
    path = root
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path
