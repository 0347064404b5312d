"""MCP over the standard input and output of a child process.

The SDK's client takes any transport. Its own one for stdio gives the command more of the executor's environment
than a server may see, reads lines of any length, and tells nobody which process it started; hence this one.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import structlog
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from rookery_tool_executor.model import McpServerUnavailable, StdioTransport
from rookery_tool_executor.sessions.allow_list import CheckedCommand
from rookery_tool_executor.sessions.child_process import ChildProcess
from rookery_tool_executor.sessions.orphanage import Orphanage
from rookery_tool_executor.sessions.process_tree import end_tree

LAUNCHER = Path(__file__).with_name("launcher.py")
INHERITED = ("PATH", "HOME", "LANG")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What a child may use: bytes of data, open files, bytes in one message; and seconds to end when asked."""

    data_bytes: int
    open_files: int
    message_bytes: int
    stop_grace: float
    stderr_lines: int = 10


class StdioChannel:
    """One child process. As an async context manager it gives the SDK its streams and ends the whole tree on exit."""

    def __init__(
        self,
        command: CheckedCommand,
        transport: StdioTransport,
        *,
        limits: ChildLimits,
        environment: Mapping[str, str],
        orphanage: Orphanage,
    ) -> None:
        self.ended = asyncio.Event()
        self._command = command
        self._cwd = transport.cwd
        self._environment = {name: environment[name] for name in INHERITED if name in environment}
        self._environment.update(transport.env)
        self._limits = limits
        self._orphanage = orphanage
        self._child: ChildProcess | None = None

    @property
    def pid(self) -> int | None:
        """The process id, which is the id of its group too; None before the start."""
        return self._child.pid if self._child else None

    @property
    def obituary(self) -> str:
        """How the process ended and its last words, for the message of an error."""
        return self._child.obituary if self._child else "the process was not started"

    async def __aenter__(self) -> "tuple[_MessagesIn, _MessagesOut]":
        """Starts the process. Raises McpServerUnavailable."""
        limits = self._limits
        try:
            _, self._child = await asyncio.get_running_loop().subprocess_exec(
                lambda: ChildProcess(line_bytes=limits.message_bytes, stderr_lines=limits.stderr_lines),
                *(sys.executable, "-I", "-S", str(LAUNCHER)),
                *(str(os.getpid()), str(limits.data_bytes), str(limits.open_files), self._cwd),
                *(self._command.program, *self._command.argv),
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            raise McpServerUnavailable(f"the process could not be started: {error}") from error
        try:
            await self._orphanage.register(self._child.pid)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return _MessagesIn(self._child, self.ended), _MessagesOut(self._child)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends the process and what it started. Cancellation does not cut this short."""
        child = self._child
        if child is None:
            return
        with anyio.CancelScope(shield=True):
            if not await end_tree(child.pid, child.exited, child.close_stdin, self._limits.stop_grace):
                _log.warning("MCP server survived its kill", pid=child.pid)
            self._orphanage.release(child.pid)
            child.close()
        self.ended.set()


class _MessagesIn:
    """The messages of the child; lines that are none are skipped, as stray prints are common."""

    def __init__(self, child: ChildProcess, ended: asyncio.Event) -> None:
        self._child = child
        self._ended = ended

    async def receive(self) -> SessionMessage | Exception:
        while True:
            try:
                line = await self._child.read_line()
            except ValueError as error:
                _log.warning("MCP server ended for its output", pid=self._child.pid, error=str(error))
                line = b""
            if not line:
                self._ended.set()
                raise anyio.EndOfStream
            try:
                return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
            except ValueError:
                _log.debug("MCP server wrote a line that is no message", pid=self._child.pid)

    async def aclose(self) -> None:
        self._ended.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.aclose()


class _MessagesOut:
    """Messages to the child, a line each."""

    def __init__(self, child: ChildProcess) -> None:
        self._child = child

    async def send(self, item: SessionMessage, /) -> None:
        message = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        try:
            await self._child.write(f"{message}\n".encode())
        except BrokenPipeError as error:
            raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        self._child.close_stdin()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.aclose()
