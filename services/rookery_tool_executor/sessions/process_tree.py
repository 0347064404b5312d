"""Ending a child process with everything it has started."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

import psutil


async def end_tree(pid: int, exited: asyncio.Event, close_input: Callable[[], None], grace: float) -> bool:
    """Ends the process group that `pid` leads, and the descendants that left it; True when the process has ended.

    The end of its input is the polite request; `grace` seconds later comes SIGTERM, after as much again SIGKILL.
    Descendants in other groups can only be found while their parents live, so they are looked up first.
    """
    strays = [] if exited.is_set() else await asyncio.to_thread(_strays, pid)
    close_input()
    if not await _within(exited, grace) and _signal_group(pid, signal.SIGTERM):
        await _within(exited, grace)
    _signal_group(pid, signal.SIGKILL)
    for process in strays:
        with suppress(psutil.Error):
            process.kill()
    return await _within(exited, grace)


def _strays(pid: int) -> list[psutil.Process]:
    """Descendants outside the group. Each object stands for that one process, never for one that reuses its id."""
    try:
        found = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
    strays = []
    for process in found:
        with suppress(ProcessLookupError):
            if os.getpgid(process.pid) != pid:
                strays.append(process)
    return strays


def _signal_group(group: int, number: int) -> bool:
    """Signals a group; False when none of it is left."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def _within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
