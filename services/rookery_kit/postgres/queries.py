"""SQL by name, out of a service's `queries.sql`, or out of the files of its folder `queries`."""

import re
from collections.abc import Mapping
from importlib.resources import files

Queries = Mapping[str, str]
_HEADING = re.compile(r"^-- name: (?P<name>[a-z0-9_]+)[ \t]*$", re.MULTILINE)


def load_queries(package: str) -> Queries:
    """The named queries of `<package>/queries.sql`, or of all files in `<package>/queries`, one concept a file.

    Raises ValueError on a name that stands twice.
    """
    folder = files(package) / "queries"
    sources = (
        sorted(folder.iterdir(), key=lambda each: each.name) if folder.is_dir() else [files(package) / "queries.sql"]
    )
    return parse_queries("\n".join(source.read_text(encoding="utf-8") for source in sources))


def parse_queries(text: str) -> Queries:
    """Splits a file at its `-- name:` headings; comments stay with their query, out of the SQL sent."""
    parts = _HEADING.split(text)[1:]
    queries: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in queries:
            raise ValueError(f"the query {name} stands twice")
        lines = [line for line in body.splitlines() if not line.lstrip().startswith("--")]
        queries[name] = "\n".join(lines).strip().removesuffix(";")
    return queries
