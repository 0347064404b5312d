"""Bringing the schemas to this version, in a process of its own: what migrates is large and needed for a moment."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

from rookery_local.child import Child, Command
from rookery_local.data_folder import DataFolder
from rookery_local.errors import CannotStart
from rookery_local.private_file import write_private

_PREFIX = "rookery-migrate: "


async def migrate(folder: DataFolder, program: Sequence[str], *, admin_url: str, passwords_file: Path) -> None:
    """Has `program` provision and migrate the schemas of all services. Raises CannotStart with its reason."""
    url_file = folder.secrets / "postgres-admin-url"
    write_private(url_file, admin_url + "\n")
    arguments = ("--admin-url-file", str(url_file), "--passwords-file", str(passwords_file))
    child = Child.spawn(Command((*program, *arguments), folder.log("migrate"), pid_file=folder.pid_file("migrate")))
    try:
        code = await child.wait()
    finally:
        if child.exit_code is None:
            await asyncio.shield(child.end((signal.SIGTERM, 2.0)))
    if code != 0:
        lines = child.output().strip().splitlines() or [f"exit code {code}"]
        raise CannotStart(f"the schemas cannot be migrated: {lines[-1].removeprefix(_PREFIX)}")
