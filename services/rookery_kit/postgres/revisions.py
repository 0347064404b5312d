"""Which revisions a service has, read off the file names, so that a running service needs no migration tool."""

from importlib.resources import files
from pathlib import Path


def migrations_folder(service: str) -> Path:
    """Where the revisions of a service lie."""
    return Path(str(files(f"rookery_{service}"))) / "migrations"


def head_revision(service: str) -> str:
    """The number of the newest revision, such as `0003`, read off the file names."""
    return max(path.name[:4] for path in migrations_folder(service).glob("[0-9]*.py"))
