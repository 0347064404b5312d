"""Becomes a child of the local runner: takes another user if told, ties its life to the runner's, and executes.

Run by file name with `python -I -S`, so that it costs some 10 ms and imports nothing of the project. Arguments: the
runner's process id, the number of the signal to get when the runner dies, user id and group id (empty: keep), then
the command. The environment, the working folder and the standard streams are passed on as they came.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
CANNOT_EXECUTE = 126


def main(arguments: list[str]) -> int:
    """Executes the command and so never returns, or says on standard error why it cannot."""
    parent, death_signal, uid, gid, *command = arguments
    try:
        if uid:
            # First of all: the kernel forgets the death signal when a process changes its user.
            os.setgroups([])
            os.setgid(int(gid))
            os.setuid(int(uid))
        if sys.platform == "linux":
            # The signal follows the thread that forked, which is the one that runs the runner's event loop.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != int(parent):
            # It died before the kernel was asked to tell.
            return CANNOT_EXECUTE
        # The interpreter ignores these two, and an ignored signal stays ignored across execve.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execvp(command[0], command)  # noqa: S606 -- the runner made the command
    except OSError as error:
        sys.stderr.write(f"cannot execute {command[0]}: {error.strerror}\n")
    return CANNOT_EXECUTE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
