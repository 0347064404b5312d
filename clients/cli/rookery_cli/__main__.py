"""The entry point: runs a command and turns every failure into a line and an exit code.

Exit codes: 0 done, 1 refused by the system, 2 wrong usage, 130 interrupted.
"""

import os
import sys
import traceback
from collections.abc import Sequence

import typer
from typer.main import get_command

from rookery_cli.app import build
from rookery_cli.refusal import Refused

DEBUG_VARIABLE = "ROOKERY_DEBUG"
_REFUSED = 1
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line given, or that of the process, and exits."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line and answers its exit code."""
    try:
        return _invoke(arguments)
    except Refused as error:
        return _tell(error.message, error.reason, error.hint, error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing more can be flushed to them at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            traceback.print_exc()
        hint = f"this is a fault of rookery; {DEBUG_VARIABLE}=1 shows where it happened"
        return _tell(f"{type(error).__name__}: {error}", "INTERNAL", hint, _REFUSED)


def _invoke(arguments: Sequence[str] | None) -> int:
    command = get_command(build())
    try:
        given = None if arguments is None else list(arguments)
        result = command.main(args=given, prog_name="rookery", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "rookery"
        message = error.format_message()
        if message.startswith("Usage:"):
            # A group without a command: the message is its help.
            sys.stderr.write(f"{message}\n")
            return error.exit_code
        return _tell(message, "", f"`{path} --help` shows what it takes", error.exit_code)
    return result if isinstance(result, int) else 0


def _tell(message: str, reason: str, hint: str, exit_code: int) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"error: {line} ({reason})\n" if reason else f"error: {line}\n")
    if hint:
        sys.stderr.write(f"hint: {hint}\n")
    return exit_code


if __name__ == "__main__":
    main()
