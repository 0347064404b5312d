"""The manifest of capabilities and the tests that show them are tied to each other both ways."""

import ast
from collections import defaultdict
from typing import Any

import yaml
from harness.repository import ROOT, python_files, shown, syntax_tree

STATUSES = {"done", "partial", "open"}


def manifest() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((ROOT / "docs" / "capabilities.yaml").read_text(encoding="utf-8"))
    capabilities: dict[str, dict[str, Any]] = document["capabilities"]
    return capabilities


def markers() -> dict[str, list[str]]:
    """Where each code is named in a `capability` marker, be it on a function, a class, a module or a parameter."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in python_files("tests"):
        for node in ast.walk(syntax_tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "capability":
                assert len(node.args) == 1, f"{shown(path)}:{node.lineno}: one code a marker"
                code = node.args[0]
                assert isinstance(code, ast.Constant), f"{shown(path)}:{node.lineno}: the code is written out"
                found[str(code.value)].append(f"{shown(path)}:{node.lineno}")
    return found


def test_every_capability_is_described_with_its_status() -> None:
    for code, entry in manifest().items():
        assert entry.keys() <= {"promise", "status", "missing"}, code
        assert entry["promise"].strip().endswith("."), code
        assert entry["status"] in STATUSES, code
        assert ("missing" in entry) == (entry["status"] == "partial"), f"{code}: `missing` goes with `partial` alone"


def test_every_marker_names_a_capability_that_is_not_open() -> None:
    standing = {code for code, entry in manifest().items() if entry["status"] != "open"}
    assert {code: places for code, places in markers().items() if code not in standing} == {}


def test_every_capability_that_stands_has_a_test() -> None:
    standing = [code for code, entry in manifest().items() if entry["status"] != "open"]
    assert [code for code in standing if code not in markers()] == []
