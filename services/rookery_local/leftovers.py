"""Ending processes that are not, or no longer, children of this one."""

import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

_POLL_SECONDS = 0.01


def descendants(pid: int) -> list[psutil.Process]:
    """All processes below one, the nearest first. Empty when it is gone."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def kill_all(processes: Iterable[psutil.Process], seconds: float = 5.0) -> list[psutil.Process]:
    """Kills the processes, waits until they are gone, and answers those that are still there after `seconds`.

    A process whose id has since been given to another is gone, and the other is left alone.
    """
    alive = [process for process in processes if _is_alive(process)]
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    return still_alive(alive, seconds)


def still_alive(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Waits until the processes are gone, and answers those that are still there after `seconds`."""
    alive = list(processes)
    give_up = time.monotonic() + seconds
    while (alive := [process for process in alive if _is_alive(process)]) and time.monotonic() < give_up:
        time.sleep(_POLL_SECONDS)
    return alive


def _is_alive(process: psutil.Process) -> bool:
    try:
        # A dead process that nobody has waited for holds neither memory nor files nor ports.
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
