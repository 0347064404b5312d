"""Folders for Unix sockets, whose whole path may not be longer than some hundred bytes."""

import hashlib
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

from rookery_local.errors import CannotStart

# sizeof(sun_path) less the closing zero.
_PATH_BYTES = 107 if sys.platform == "linux" else 103


class SocketFolder:
    """A private folder for sockets: `parent/run` where the paths stay short enough, else one in the temporary folder.

    `longest_name` is the longest file name to be put in it. The path is the same at every start.
    """

    def __init__(self, parent: Path, longest_name: str) -> None:
        inside = parent.resolve() / "run"
        if len(os.fsencode(inside / longest_name)) <= _PATH_BYTES:
            self.path = inside
        else:
            digest = hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]
            self.path = Path(tempfile.gettempdir()) / f"rookery-{digest}"

    def create(self, *, uid: int | None = None, gid: int | None = None) -> Path:
        """Makes the folder, or takes over the one left by a predecessor: mode 0700, owned as named.

        Raises CannotStart when something of another user's is in its place.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self.path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), uid}:
            raise CannotStart(f"{self.path} is in the way: it belongs to another user")
        self.path.chmod(0o700)
        if uid is not None and gid is not None:
            os.chown(self.path, uid, gid)
        return self.path

    def remove(self) -> None:
        """Removes the folder and what is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
