"""Becomes an MCP server: bounds this process, ties its life to the executor's, and executes the command.

Run by file name with `python -I -S`, so it starts in some 10 ms and imports nothing of the project.
Arguments: the executor's process id, the data limit in bytes, the limit of open files, the working directory
(empty: keep), the program, then argv[0] and the arguments. The environment is passed on as it came.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CANNOT_EXECUTE = 126


def main(arguments: list[str]) -> int:
    """Executes the command and so never returns, or tells on standard error why it cannot."""
    parent, data_limit, open_files, cwd, program, *argv = arguments
    try:
        _tie_to(int(parent))
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_NOFILE, int(open_files))
        # Data, not address space: run-times such as V8 reserve far more addresses than they ever use.
        _limit(resource.RLIMIT_DATA, int(data_limit))
        # The interpreter ignores SIGPIPE, and an ignored signal would stay ignored in the command.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        if cwd:
            os.chdir(cwd)
        os.execv(program, argv)  # noqa: S606 - the command was checked against the allow-list before
    except OSError as error:
        sys.stderr.write(f"cannot start {program}: {error}\n")
    return CANNOT_EXECUTE


def _tie_to(parent: int) -> None:
    """Has the kernel kill this process when the executor dies.

    The signal follows the thread that forked: the executor forks from its main thread, which lives as long as it
    does. It is kept across execve because new privileges are refused, and it is not sent when the executor died
    before it was asked for, hence the look at the parent afterwards.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        raise OSError("the tool-executor is gone")


def _limit(kind: int, wanted: int) -> None:
    _, ceiling = resource.getrlimit(kind)
    allowed = wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling)
    resource.setrlimit(kind, (allowed, allowed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
