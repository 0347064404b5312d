"""Files that hold secrets."""

import os
from pathlib import Path


def write_private(file: Path, text: str, *, durable: bool = False) -> None:
    """Writes a file that only its owner may read, in one step: readers see the old content or the new.

    A durable one survives a power cut as soon as this returns.
    """
    unfinished = file.with_name(file.name + ".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
        if durable:
            stream.flush()
            os.fsync(stream.fileno())
    unfinished.replace(file)
    if durable:
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
