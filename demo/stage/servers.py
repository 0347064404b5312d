"""The MCP servers of the demo: which there are, what the tool-executor may start, and how they are registered."""

import asyncio
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import yaml
from rookery.registry.v1 import mcp_server_pb2, mcp_server_service_pb2
from rookery_local.child import Child, Command
from rookery_sdk import Client

from demo.failure import DemoFailed
from demo.sources import documents, filesystem, git
from demo.stage.suite import clean_environment

_PACKAGE = Path("demo/mcp-servers/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js")
_OLDEST_NODE = 20
_START_SECONDS = 30.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class StdioServer:
    """A published server: its name here, what it is, and the command that the tool-executor starts it with."""

    name: str
    description: str
    command: str
    arguments: tuple[str, ...]


def filesystem_server(root: Path) -> StdioServer | str:
    """The server for the working tree from npm, or in words why there is none."""
    node = shutil.which("node")
    if node is None:
        return "there is no Node"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = version.removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < _OLDEST_NODE:
        return f"Node is {version or 'broken'}, older than {_OLDEST_NODE}"
    if not (root / _PACKAGE).exists():
        return "its package is not installed"
    return StdioServer(
        filesystem.SERVER,
        "@modelcontextprotocol/server-filesystem, from npm: the files of the working tree",
        node,
        (str(root / _PACKAGE), str(root)),
    )


def git_server(root: Path) -> StdioServer:
    """The server for the history from PyPI."""
    return StdioServer(
        git.SERVER,
        "mcp-server-git, from PyPI: commits, and files as of a commit",
        sys.executable,
        ("-P", "-m", "mcp_server_git", "--repository", str(root)),
    )


def write_settings(file: Path, servers: list[StdioServer]) -> None:
    """Writes the settings with which the tool-executor may start these servers and reach this machine over HTTP."""
    allowed = [{"command": server.command, "args_prefix": list(server.arguments)} for server in servers]
    section = {"stdio_allowed_commands": allowed, "http_allowed_networks": ["127.0.0.0/8"]}
    file.write_text(yaml.safe_dump({"tool_executor": section}))


class DocumentsServer:
    """The demo's own server over streamable HTTP, in a process of its own."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self.pid = child.pid
        self.url = ""

    @classmethod
    def spawn(cls, root: Path, logs: Path) -> "DocumentsServer":
        """Starts it on a free port."""
        command = Command(
            (sys.executable, "-m", "demo.docs_server"),
            log_file=logs / "documents-server.log",
            environment=clean_environment(),
            working_folder=root,
        )
        return cls(Child.spawn(command))

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1; known once it is ready."""
        return int(self.url.rpartition(":")[2].partition("/")[0])

    async def until_ready(self) -> None:
        """Waits until it has told its endpoint. Raises DemoFailed."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not (output := self._child.output()).startswith("http://") or "\n" not in output:
                    if self._child.exit_code is not None:
                        raise DemoFailed(f"the documents server did not start: {output.strip()[-300:]}")
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise DemoFailed(f"the documents server did not start within {_START_SECONDS:.0f} s") from None
        self.url = output.partition("\n")[0]

    async def stop(self) -> None:
        """Ends it."""
        await self._child.end((signal.SIGTERM, 5.0))


async def register(client: Client, servers: list[StdioServer], documents_url: str) -> None:
    """Makes the servers known to the suite."""
    requests = [
        mcp_server_service_pb2.RegisterMcpServerRequest(
            name=server.name,
            description=server.description,
            stdio=mcp_server_pb2.StdioTransport(command=server.command, args=server.arguments),
        )
        for server in servers
    ]
    requests.append(
        mcp_server_service_pb2.RegisterMcpServerRequest(
            name=documents.SERVER,
            description="Close reading of single texts",
            streamable_http=mcp_server_pb2.StreamableHttpTransport(url=documents_url),
        )
    )
    for request in requests:
        request.request_id = str(uuid4())
        await client.servers.RegisterMcpServer(request, timeout=10.0)
