"""Names are the field's own; names that hide what a thing is are refused."""

import ast
import re
from pathlib import Path

from harness.repository import files, python_files, shown, syntax_tree

FORBIDDEN_MODULES = {"utils", "util", "helpers", "helper", "common", "misc", "shared", "tools_common", "functions"}
FORBIDDEN_IN_CLASSES = re.compile(r"Manager|Helper|Util(?!i)|^Base(?![a-z])|(Base|Data)$")
# Spelled in two parts, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "TO" + r"DO|FIX" + r"ME|HA" + r"CK)\b")
COPIES = re.compile(r"_(v\d+|old|new|copy|bak|final|legacy)$")


def test_no_module_is_named_for_nothing_in_particular() -> None:
    named = (path.parent.name if path.stem == "__init__" else path.stem for path in python_files())
    assert FORBIDDEN_MODULES.isdisjoint(named)


def test_no_module_is_a_copy_by_version() -> None:
    assert [shown(path) for path in python_files("services", "clients", "tools") if COPIES.search(path.stem)] == []


def test_no_class_hides_behind_a_generic_name() -> None:
    found = [
        f"{shown(path)}: {node.name}"
        for path in python_files()
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.ClassDef) and FORBIDDEN_IN_CLASSES.search(node.name)
    ]
    assert found == []


def test_nothing_unfinished_is_left_behind() -> None:
    suffixes = {".py", ".proto", ".sql", ".md", ".yaml", ".yml", ".toml", ".sh", ""}
    code = (path for path in files() if path.suffix in suffixes and "gen" not in path.parts)
    assert [shown(path) for path in code if UNFINISHED.search(_text(path))] == []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
