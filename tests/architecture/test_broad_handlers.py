"""Whoever catches everything passes it on: raised again, logged, or told to someone."""

import ast

from harness.repository import python_files, shown, syntax_tree

BROAD = {"Exception", "BaseException"}
LOGS = {"exception", "critical"}


def test_nothing_swallows_every_error_in_silence() -> None:
    silent = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files("services", "clients")
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _tells(node)
    ]
    assert silent == []


def test_nothing_suppresses_every_error() -> None:
    found = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files("services", "clients")
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("suppress")
        and any(isinstance(argument, ast.Name) and argument.id in BROAD for argument in node.args)
    ]
    assert found == []


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(name, ast.Name) and name.id in BROAD for name in caught)


def _tells(handler: ast.ExceptHandler) -> bool:
    """True when the handler raises, logs with the traceback, or does something with the error it caught."""
    for node in (inner for statement in handler.body for inner in ast.walk(statement)):
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Name) and node.id == handler.name):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOGS:
            return True
    return False
