"""Which commands may be started as MCP servers. An operator says so; a tenant cannot.

A free command string over an API is remote code execution, so everything that could turn an allowed command into
another one is checked too: leading arguments, variables that make programs load code, and the working directory.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePath

from rookery_tool_executor.model import CommandNotAllowed, McpServerUnavailable, StdioTransport

LOADS_CODE = re.compile(
    r"PATH|HOME|LD_.*|DYLD_.*|GCONV_PATH|PYTHON.*|NODE_OPTIONS|NODE_PATH|NODE_REPL_.*|NPM_CONFIG_.*|BASH_ENV|ENV|SHELLOPTS"
    r"|PERL5.*|PERLLIB|RUBYLIB|RUBYOPT|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|LUA_.*|PHPRC|GIT_.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class AllowedCommand:
    """One entry of the list.

    `command` is a name on the executor's search path or an absolute path. `args_prefix` are the arguments that must
    come first, more may follow. `env_names` are the variables a registration may set; None: any that is not known
    to make programs load code. `cwd_roots` are the folders a working directory may lie in; none: it must be empty.
    """

    command: str
    args_prefix: tuple[str, ...] = ()
    env_names: frozenset[str] | None = None
    cwd_roots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedCommand:
    """A command that passed: the program's absolute path and the argument vector, argv[0] first."""

    program: str
    argv: tuple[str, ...]


class CommandAllowList:
    """Checks commands before anything is started. An empty list allows nothing."""

    def __init__(self, entries: tuple[AllowedCommand, ...], search_path: str) -> None:
        self._entries = entries
        self._search_path = search_path

    def check(self, transport: StdioTransport) -> CheckedCommand:
        """The program to execute. Raises CommandNotAllowed, or McpServerUnavailable when it is not installed."""
        named = [entry for entry in self._entries if self._names(entry, transport.command)]
        if not named:
            raise CommandNotAllowed(
                f"the command {transport.command!r} is not on the tool-executor's allow-list "
                "(stdio_allowed_commands); nothing was started",
                command=transport.command,
            )
        faults = [self._fault(entry, transport) for entry in named]
        if all(faults):
            raise CommandNotAllowed(
                f"the command {transport.command!r} is allowed, but {faults[0]}; nothing was started",
                command=transport.command,
            )
        program = self._resolve(transport.command)
        if program is None:
            raise McpServerUnavailable(f"the command {transport.command!r} is not installed where the executor runs")
        return CheckedCommand(program, (transport.command, *transport.args))

    def _names(self, entry: AllowedCommand, command: str) -> bool:
        if entry.command == command:
            return True
        wanted = self._resolve(command)
        return wanted is not None and wanted == self._resolve(entry.command)

    def _resolve(self, command: str) -> str | None:
        # A relative path with a folder in it would mean different programs in different working directories.
        if "/" in command and not command.startswith("/"):
            return None
        return shutil.which(command, path=self._search_path)

    @staticmethod
    def _fault(entry: AllowedCommand, transport: StdioTransport) -> str:
        """What of the transport the entry does not allow; empty when all of it is allowed."""
        prefix = entry.args_prefix
        if transport.args[: len(prefix)] != prefix:
            return f"only with the leading arguments {list(prefix)}"
        for name, _ in transport.env:
            if entry.env_names is None and LOADS_CODE.fullmatch(name):
                return f"not with the variable {name}, which can make programs load other code"
            if entry.env_names is not None and name not in entry.env_names:
                return f"not with the variable {name}"
        if transport.cwd and not _lies_within(transport.cwd, entry.cwd_roots):
            return f"not with the working directory {transport.cwd!r}"
        return ""


def _lies_within(folder: str, roots: tuple[str, ...]) -> bool:
    if not PurePath(folder).is_absolute():
        return False
    real = Path(folder).resolve()
    return any(real.is_relative_to(Path(root).resolve()) for root in roots)
