"""The page of guarantees names tests; they exist."""

import re

from harness.repository import ROOT


def test_every_test_that_a_guarantee_names_exists() -> None:
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", (ROOT / "docs" / "guarantees.md").read_text()))
    present = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 20
    assert named <= present, sorted(named - present)
