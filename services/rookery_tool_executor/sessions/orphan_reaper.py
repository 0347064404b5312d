"""Kills the process groups of MCP servers when their executor died without doing so.

The kernel kills a server itself with its executor (see `launcher`), but not what that server had started. This
process outlives a killed executor for just as long as it takes to kill those groups. Run by file name with
`python -I -S`. On standard input it reads lines `+<process group>` and `-<process group>`; the end of the input,
which the kernel brings about however the executor ends, is the signal to act.
"""

import os
import signal
import sys


def main() -> None:
    """Keeps the set of living groups until the input ends, then kills them."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except OSError:
            continue


if __name__ == "__main__":
    main()
