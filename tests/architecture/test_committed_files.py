"""What is committed knows neither the machine it was written on nor where packages come from."""

import re

from harness.repository import ROOT, files, shown

LOCKS = ("requirements/dev.txt", "requirements/runtime.txt", "requirements/peers.txt", "requirements/protos.txt")
NPM_LOCKS = re.compile(r"(^|/)package-lock\.json$")
REQUIREMENT = re.compile(r"^[A-Za-z0-9](?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
URL = re.compile(r"https?://\S+")
# Put together from parts, so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w./~$}-])/(" + "|".join(("home", "root", "work", "Users")) + r")/\w")
INDEX_OPTIONS = "|".join(("extra-index", "find-links", "trusted-host", "index-url"))
INDEX_SETTING = re.compile(rf"(^|\s)(--)?({INDEX_OPTIONS})(-url)?\s*=|^\s*registry\s*=\s*http", re.MULTILINE)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def test_lock_files_hold_no_address() -> None:
    locks = [*LOCKS, *(shown(path) for path in files() if NPM_LOCKS.search(shown(path)))]
    assert {name: found for name in locks if (found := URL.findall(text_of(name)))} == {}


def test_every_locked_requirement_is_pinned_and_hashed() -> None:
    for name in LOCKS:
        entries = REQUIREMENT.findall(text_of(name))
        assert entries, name
        assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == [], name


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    assert [shown(path) for path in files() if MACHINE_PATH.search(text_of(shown(path)))] == []


def test_no_file_decides_where_packages_come_from() -> None:
    assert [shown(path) for path in files() if INDEX_SETTING.search(text_of(shown(path)))] == []


def test_no_file_is_large() -> None:
    assert [shown(path) for path in files() if path.stat().st_size > 1024 * 1024] == []
