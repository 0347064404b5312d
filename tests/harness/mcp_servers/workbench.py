"""A server whose tools do what tests need: answer, wait, fail, crash, leave traces in files.

`python workbench.py stdio` speaks over standard input and output, `python workbench.py http PORT` over streamable
HTTP. `--legacy` refuses the stateless revision of the protocol, as older servers do.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import ToolAnnotations
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import BaseModel

READ_ONLY = ToolAnnotations(read_only_hint=True)
IDEMPOTENT = ToolAnnotations(idempotent_hint=True, destructive_hint=False)

server = MCPServer("workbench")


class Sum(BaseModel):
    """A structured answer."""

    total: int


@server.tool(annotations=READ_ONLY, structured_output=False)
async def echo(text: str) -> str:
    """Answers the text."""
    return text


@server.tool(annotations=READ_ONLY)
async def add(a: int, b: int) -> Sum:
    """Adds two numbers."""
    return Sum(total=a + b)


@server.tool(structured_output=False)
async def sleep(seconds: float, cancelled_file: str = "") -> str:
    """Waits; writes a file when it is cancelled meanwhile."""
    try:
        await anyio.sleep(seconds)
    except anyio.get_cancelled_exc_class():
        if cancelled_file:
            _trace(cancelled_file)
        raise
    return f"slept {seconds}"


@server.tool(structured_output=False)
async def fail(words: str) -> str:
    """Fails in the tool's own way."""
    raise ValueError(words)


@server.tool(structured_output=False)
async def refuse(words: str) -> str:
    """Answers with an error of the protocol instead of a result."""
    raise MCPError(code=-32603, message=words)


@server.tool(structured_output=False)
async def crash(trace_file: str = "") -> str:
    """Leaves a line in a file, then ends the process without answering."""
    _trace(trace_file)
    sys.stderr.write("the workbench goes up in flames\n")
    sys.stderr.flush()
    os._exit(3)


@server.tool(annotations=IDEMPOTENT, structured_output=False)
async def crash_once(trace_file: str) -> str:
    """Ends the process at the first call, answers at the second; says that it may be repeated."""
    if _trace(trace_file) == 1:
        os._exit(3)
    return "survived"


@server.tool(structured_output=False)
async def count(trace_file: str, seconds: float = 0.0) -> str:
    """Adds a line to a file and, after a while, answers how many there are. Repeating it counts again."""
    lines = _trace(trace_file)
    await anyio.sleep(seconds)
    return str(lines)


@server.tool(annotations=IDEMPOTENT, structured_output=False)
async def count_idempotent(trace_file: str, seconds: float = 0.0) -> str:
    """As `count`, but says that it may be repeated."""
    lines = _trace(trace_file)
    await anyio.sleep(seconds)
    return str(lines)


@server.tool(annotations=READ_ONLY, structured_output=False)
async def big(size: int) -> str:
    """Answers that many characters."""
    return "x" * size


@server.tool(annotations=READ_ONLY, structured_output=False)
async def process_id() -> str:
    """Answers the id of this process."""
    return str(os.getpid())


@server.tool(annotations=READ_ONLY, structured_output=False)
async def surroundings() -> str:
    """Answers what this process was given: variables and limits."""
    import resource

    limits = {name: resource.getrlimit(getattr(resource, name))[0] for name in ("RLIMIT_NOFILE", "RLIMIT_DATA")}
    return "\n".join(f"{name}={value}" for name, value in [*sorted(os.environ.items()), *limits.items()])


@server.tool(structured_output=False)
async def hoard(megabytes: int) -> str:
    """Takes that much memory, and ends the process where there is none."""
    try:
        return str(len(bytearray(megabytes * 1024**2)))
    except MemoryError:
        os._exit(4)


@server.tool(structured_output=False)
async def start_child(*, own_session: bool = False) -> str:
    """Starts a process that would outlive this one, and answers its id."""
    child = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        [sys.executable, "-S", "-c", "import time; time.sleep(600)"],
        stdin=subprocess.DEVNULL,
        start_new_session=own_session,
    )
    return str(child.pid)


@server.tool(annotations=READ_ONLY, structured_output=False)
async def metadata(ctx: Context[Any, Any]) -> str:
    """Answers the `_meta` that came with the call, a `name=value` a line."""
    meta = ctx.request_context.meta or {}
    return "\n".join(f"{name}={value}" for name, value in sorted(meta.items()))


@server.tool(structured_output=False)
async def grow(ctx: Context[Any, Any]) -> str:
    """Offers one more tool from now on, and says so to the client."""
    server.add_tool(_grown, name="grown", structured_output=False)
    await ctx.notify_tools_changed()
    if ctx.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS:
        await ctx.session.send_tool_list_changed()
    return "grown"


async def _grown() -> str:
    return "I am new"


def _trace(file: str) -> int:
    if not file:
        return 0
    path = Path(file)
    with path.open("a", encoding="utf-8") as stream:
        stream.write("called\n")
    return len(path.read_text(encoding="utf-8").splitlines())


def main(arguments: list[str]) -> None:
    """Serves until the input ends, or for ever."""
    if arguments[0] == "stdio":
        server.run()
    else:
        server.run("streamable-http", port=int(arguments[1]), stateless_http="--stateless" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
