"""The pipes and the end of one child process."""

import asyncio
from collections import deque
from typing import cast

# How long after the process has ended its output may still arrive, where a descendant holds the pipe open.
_LAST_OUTPUT_SECONDS = 0.2
_STDERR_LINE = 500


class ChildProcess(asyncio.SubprocessProtocol):
    """Reads lines of at most `line_bytes`, writes with back-pressure, and keeps the last lines of standard error.

    The end of the process is noticed by itself: asyncio's own wait also waits for every holder of the pipes.
    """

    def __init__(self, *, line_bytes: int, stderr_lines: int) -> None:
        self.exited = asyncio.Event()
        self._stdout = asyncio.StreamReader(limit=line_bytes)
        self._stdout_ended = False
        self._stderr = b""
        self._last_words: deque[str] = deque(maxlen=stderr_lines)
        self._writable = asyncio.Event()
        self._writable.set()
        self._writing_failed = False
        self._transport: asyncio.SubprocessTransport
        self._stdin: asyncio.WriteTransport

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._transport.get_pid()

    @property
    def obituary(self) -> str:
        """How it ended, and its last words on standard error; for people."""
        code = self._transport.get_returncode()
        how = "the process is still running" if code is None else f"the process ended with status {code}"
        words = " | ".join([*self._last_words, *_readable(self._stderr)])
        return f"{how}; its last words: {words}" if words else how

    async def read_line(self) -> bytes:
        """The next line; empty at the end of the output. Raises ValueError when a line is too long."""
        try:
            return await self._stdout.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return b""
        except asyncio.LimitOverrunError as error:
            raise ValueError("a line of the output is too long") from error

    async def write(self, data: bytes) -> None:
        """Writes, and waits while the process does not read. Raises BrokenPipeError when it never will."""
        if self._writing_failed or self._stdin.is_closing():
            raise BrokenPipeError
        self._stdin.write(data)
        await self._writable.wait()

    def close_stdin(self) -> None:
        """Ends the process's input."""
        self._stdin.close()

    def close(self) -> None:
        """Lets go of the pipes."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The process runs."""
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self._stdin = cast("asyncio.WriteTransport", self._transport.get_pipe_transport(0))
        stdout = self._transport.get_pipe_transport(1)
        assert stdout is not None
        self._stdout.set_transport(stdout)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Output has come."""
        if fd == 1:
            if not self._stdout_ended:
                self._stdout.feed_data(data)
            return
        *lines, self._stderr = (self._stderr + data).split(b"\n")
        self._stderr = self._stderr[-_STDERR_LINE:]
        for line in lines:
            self._last_words.extend(_readable(line))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """A pipe was closed on the other side."""
        if fd == 0:
            self._writing_failed = True
            self._writable.set()
        elif fd == 1:
            self._end_of_output()

    def process_exited(self) -> None:
        """The process has ended; descendants may still hold its pipes."""
        self.exited.set()
        asyncio.get_running_loop().call_later(_LAST_OUTPUT_SECONDS, self._end_of_output)

    def pause_writing(self) -> None:
        """The process does not keep up with its input."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._writable.set()

    def _end_of_output(self) -> None:
        if not self._stdout_ended:
            self._stdout_ended = True
            self._stdout.feed_eof()


def _readable(line: bytes) -> list[str]:
    text = line.decode("utf-8", "replace").strip()
    return [text[:_STDERR_LINE]] if text else []
