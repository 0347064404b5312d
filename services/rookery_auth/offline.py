"""What the operator's commands beside the running service have in common."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rookery_kit.errors import CannotStart, RookeryError
from rookery_kit.postgres import Database, Queries, load_queries

from rookery_auth.master_key import MasterKey, master_key_of

_PREFIX = "ROOKERY_AUTH_"
_EXIT_REFUSED = 1


def parser(command: str, description: str | None) -> argparse.ArgumentParser:
    """Options that default to what the environment of auth says."""
    made = argparse.ArgumentParser(prog=f"python -m rookery_auth.{command}", description=description)
    for name, setting, kind, says in (
        ("database-url", "DATABASE_URL", str, "the database, as auth or as an administrator of Postgres"),
        ("master-key-file", "MASTER_KEY_FILE", Path, "the master key of the installation"),
        ("credential-file", "BOOTSTRAP_CREDENTIAL_FILE", Path, "where the administrator's new key is written, 0600"),
    ):
        known = os.environ.get(_PREFIX + setting)
        needed = known is None and name != "master-key-file"
        default = kind(known) if known else None
        made.add_argument(
            f"--{name}", type=kind, default=default, required=needed, help=f"{says}; else ${_PREFIX}{setting}"
        )
    return made


def master_key(asked: argparse.Namespace) -> MasterKey:
    """The key in the file, else in the environment. Raises CannotStart."""
    text = None if asked.master_key_file else os.environ.get(f"{_PREFIX}MASTER_KEY")
    return master_key_of(asked.master_key_file, SecretStr(text) if text else None)


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[tuple[Database, Queries]]:
    """The tables of auth, until the block ends. Raises DatabaseUnavailable."""
    database = await Database.connect(database_url, schema="auth", pool_size=1)
    try:
        yield database, load_queries("rookery_auth")
    finally:
        await database.close()


def finish(work: Coroutine[Any, Any, str]) -> None:
    """Does the work and prints what it answers, or a line that says why it was not done, and exits with 1."""
    try:
        said = asyncio.run(work)
    except (CannotStart, RookeryError) as error:
        sys.stderr.write(f"rookery-auth: {error}\n")
        sys.exit(_EXIT_REFUSED)
    sys.stdout.write(f"{said}\n")
