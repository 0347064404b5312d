"""Who knows one service knows all: each has the same parts under the same names."""

from pathlib import Path

import pytest
from harness.repository import SERVICE_PACKAGES, SERVICES

PARTS = ("__main__", "settings", "model", "service", "store", "postgres", "rpc")
FILES = ("README.md", "schema.sql", "py.typed", "migrations")


def has_part(folder: Path, part: str) -> bool:
    return (folder / f"{part}.py").is_file() or (folder / part / "__init__.py").is_file()


@pytest.mark.parametrize("package", SERVICE_PACKAGES)
def test_a_service_has_the_parts_that_every_service_has(package: str) -> None:
    folder = SERVICES / package
    parts = [part for part in PARTS if not has_part(folder, part)]
    assert parts == []
    assert [name for name in FILES if not (folder / name).exists()] == []
    assert (folder / "queries.sql").is_file() != (folder / "queries").is_dir()


@pytest.mark.parametrize("package", SERVICE_PACKAGES)
def test_the_revisions_of_a_service_are_numbered_without_gaps(package: str) -> None:
    numbers = sorted(path.name[:4] for path in (SERVICES / package / "migrations").glob("*.py") if path.stem[0] != "_")
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
