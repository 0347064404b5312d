"""Rules for the tests themselves."""

import ast
from collections import Counter

from harness.repository import python_files, shown, syntax_tree

MAY_SLEEP = {"tests/harness/eventually.py"}


def test_no_two_test_files_share_a_name() -> None:
    names = Counter(path.name for path in python_files("tests") if path.name.startswith("test_"))
    assert [name for name, count in names.items() if count > 1] == []


def test_no_test_sleeps() -> None:
    found = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files("tests")
        if shown(path) not in MAY_SLEEP
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"asyncio.sleep", "time.sleep", "sleep"}
    ]
    assert found == []


def test_every_skip_and_expected_failure_has_a_reason() -> None:
    found = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files("tests")
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr in {"skip", "skipif", "xfail"}
        and ast.unparse(node).startswith("pytest.mark.")
        and not _has_reason(node, syntax_tree(path))
    ]
    assert found == []


def _has_reason(mark: ast.Attribute, tree: ast.Module) -> bool:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.func is mark)
    return any(keyword.arg == "reason" for call in calls for keyword in call.keywords)
