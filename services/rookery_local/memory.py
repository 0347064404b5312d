"""What the parts of the suite take of this machine's memory."""

from collections.abc import Iterable

import psutil


def memory_of(roots: Iterable[int]) -> dict[int, int]:
    """The bytes that each process holds together with all below it, by the ids given. Gone processes count nothing.

    Pages that processes share are counted in parts (PSS) where the system tells them, else in each (RSS).
    """
    return {root: sum(map(_bytes, _tree(root))) for root in roots}


def _tree(root: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss if psutil.LINUX else process.memory_info().rss)
    except psutil.Error:
        return 0
