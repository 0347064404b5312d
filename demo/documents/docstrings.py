"""What a Python module says about itself."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Silence:
    """A public class or function that has no docstring."""

    name: str
    line: int


@dataclass(frozen=True)
class ModuleDocs:
    """A module's docstring (empty for none), its public names, and those of them that say nothing."""

    docstring: str
    lines: int
    public: tuple[str, ...]
    silent: tuple[Silence, ...]


def read_docstrings(source: str) -> ModuleDocs:
    """Reads a module without running it. Raises ValueError when it is not Python."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"not Python: {error}") from None
    public = list(_public("", module))
    return ModuleDocs(
        docstring=ast.get_docstring(module) or "",
        lines=len(source.splitlines()),
        public=tuple(name for name, _ in public),
        silent=tuple(Silence(name, node.lineno) for name, node in public if not ast.get_docstring(node)),
    )


def _public(prefix: str, parent: ast.Module | ast.ClassDef) -> Iterator[tuple[str, _Definition]]:
    for node in parent.body:
        if isinstance(node, _Definition) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _public(f"{prefix}{node.name}.", node)
