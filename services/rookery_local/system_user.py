"""The system user that Postgres runs as when the runner is root, because Postgres refuses to be root."""

import os
import pwd
import stat
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rookery_local.errors import CannotStart

# The name that the package of the embedded Postgres uses too, so that one machine needs one such user.
POSTGRES_USER = "pgserver"
_ATTEMPTS = 10
_READABLE_FOLDER = stat.S_IROTH | stat.S_IXOTH


@dataclass(frozen=True, slots=True)
class SystemUser:
    """A user of the operating system."""

    name: str
    uid: int
    gid: int


def postgres_user() -> SystemUser | None:
    """The user to run Postgres as, created if need be; None: the current user will do, for it is not root.

    Raises CannotStart when this machine has no way to create one.
    """
    if os.geteuid() != 0:
        return None
    for _ in range(_ATTEMPTS):
        try:
            entry = pwd.getpwnam(POSTGRES_USER)
        except KeyError:
            problem = _create()
        else:
            return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
        # Another process may hold the lock of the user database or have just created the same user.
        time.sleep(0.1)
    raise CannotStart(
        f"Postgres cannot run as root and the system user {POSTGRES_USER!r} cannot be created ({problem}): "
        "create it, or start as a normal user"
    )


def _create() -> str:
    """Tries to create the user; answers the problem, empty when there was none."""
    command = ["useradd", "--system", "--no-create-home", "--user-group", "--shell", "/usr/sbin/nologin", POSTGRES_USER]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return " ".join(done.stderr.split())


def let_traverse(user: SystemUser, folder: Path) -> tuple[Path, ...]:
    """Lets the user pass through the folder and those above it, and answers the ones that had to be changed.

    Only the permission to traverse is added, never the one to read, so names that are not known stay unknown.
    """
    changed = []
    for each in (*reversed(folder.resolve().parents), folder.resolve()):
        found = each.stat()
        if not found.st_mode & _traverse_bit(user, found):
            each.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)
            changed.append(each)
    return tuple(changed)


def _traverse_bit(user: SystemUser, folder: os.stat_result) -> int:
    if folder.st_uid == user.uid:
        return stat.S_IXUSR
    return stat.S_IXGRP if folder.st_gid == user.gid else stat.S_IXOTH


def let_read(tree: Path) -> None:
    """Makes an installed program readable and executable to everyone, where a strict umask left it private."""
    for each in _folders_and_files(tree):
        mode = stat.S_IMODE(each.stat().st_mode)
        wanted = _READABLE_FOLDER if each.is_dir() or mode & stat.S_IXUSR else stat.S_IROTH
        if mode & wanted != wanted:
            each.chmod(mode | wanted)


def _folders_and_files(tree: Path) -> Iterable[Path]:
    yield tree
    yield from (path for path in tree.rglob("*") if not path.is_symlink())
