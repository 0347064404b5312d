"""A Postgres server of our own: supervised like any child, reached by a Unix socket only."""

import asyncio
import signal
from pathlib import Path
from urllib.parse import quote

from rookery_local.child import Child, Command
from rookery_local.errors import CannotStart
from rookery_local.leftovers import descendants, kill_all
from rookery_local.postgres_cluster import SUPERUSER, Cluster, find_programs
from rookery_local.socket_folder import SocketFolder
from rookery_local.system_user import postgres_user

_SOCKET = ".s.PGSQL.5432"
_POLL_SECONDS = 0.01
_START_SECONDS = 60.0
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "512MB",
    "wal_compression": "on",
    "synchronous_commit": "on",
    # A laptop has few cores, and each of these would be a process that idles.
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
}
_LOSSY = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """Postgres 18 on the files below `data_dir`, which are made at the first start.

    The caller must be the only one to run this folder. With `durable=False` a power cut may destroy the files (for
    tests); a killed process never does. `log_file` is `data_dir/postgres.log` unless given; `pid_file` records the
    process. When the calling process dies, so does the server (Linux); the next start cleans up in any case.
    """

    def __init__(
        self, data_dir: Path, *, durable: bool = True, log_file: Path | None = None, pid_file: Path | None = None
    ) -> None:
        self._folder = data_dir.resolve()
        self._durable = durable
        self._log_file = log_file or self._folder / "postgres.log"
        self._sockets = SocketFolder(self._folder, _SOCKET + ".lock")
        self._cluster: Cluster | None = None
        self._pid_file = pid_file
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the server; None while it is stopped."""
        return None if self._child is None else self._child.pid

    @property
    def admin_url(self) -> str:
        """The URL of the superuser, as libpq and asyncpg take it. Known once `start` has returned."""
        if self._cluster is None:
            raise RuntimeError("the server has not been started")
        return self.url(SUPERUSER, self._cluster.password())

    def url(self, role: str, password: str, *, database: str = "postgres") -> str:
        """The URL of a role. Known once `start` has returned."""
        login = f"{quote(role, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{login}@/{quote(database, safe='')}?host={quote(str(self._sockets.path), safe='/')}"

    async def start(self) -> None:
        """Starts the server and returns when it takes connections. Raises CannotStart with the server's reason."""
        if self._child is not None and self._child.exit_code is None:
            raise RuntimeError("the server is running")
        self._cluster = cluster = await asyncio.to_thread(self._prepare)
        await cluster.create(self._log_file)
        self._child = child = Child.spawn(self._command(cluster))
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._until_ready(cluster, child)
        except TimeoutError:
            await self.kill()
            raise CannotStart(f"Postgres does not answer after {_START_SECONDS:.0f} s: see {self._log_file}") from None
        except BaseException:
            await asyncio.shield(self.kill())
            raise

    async def wait(self) -> int:
        """Waits until the running server ends and answers its exit code."""
        if self._child is None:
            raise RuntimeError("the server has not been started")
        return await self._child.wait()

    async def stop(self) -> None:
        """Ends the sessions, writes a checkpoint, and returns when the server is gone. A stopped one stays so."""
        if self._child is not None:
            # The words of Postgres for these: fast, then immediate.
            await self._child.end((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0))
            self._child = None
        self._sockets.remove()

    async def kill(self) -> None:
        """Ends the server and its sessions at once, as a crash would."""
        if self._child is not None:
            sessions = descendants(self._child.pid)
            self._child.send(signal.SIGKILL)
            await self._child.wait()
            await asyncio.to_thread(kill_all, sessions)
            self._child = None
        self._sockets.remove()

    def _prepare(self) -> Cluster:
        user = postgres_user()
        cluster = Cluster(self._folder, find_programs(), user, self._durable)
        cluster.open_to_user()
        cluster.end_leftovers()
        sockets = self._sockets.create(uid=user.uid if user else None, gid=user.gid if user else None)
        for leftover in (sockets / _SOCKET, sockets / (_SOCKET + ".lock")):
            leftover.unlink(missing_ok=True)
        return cluster

    def _command(self, cluster: Cluster) -> Command:
        settings = _SETTINGS | {"unix_socket_directories": str(self._sockets.path)}
        if not self._durable:
            settings |= _LOSSY
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Command(
            (str(cluster.programs / "postgres"), "-D", str(cluster.data), *options),
            self._log_file,
            user=cluster.user,
            # Immediate shutdown: the server takes its sessions with it.
            death_signal=signal.SIGQUIT,
            pid_file=self._pid_file,
        )

    async def _until_ready(self, cluster: Cluster, child: Child) -> None:
        # The server writes "ready" into the last line of this file when it takes connections, as pg_ctl knows too.
        pid_file = cluster.data / "postmaster.pid"
        while True:
            try:
                lines = pid_file.read_text(encoding="utf-8").split("\n")
            except OSError:
                lines = []
            if len(lines) > 7 and lines[7].strip() == "ready" and lines[0] == str(child.pid):
                return
            if child.exit_code is not None:
                raise CannotStart(f"Postgres does not start: {_reason(child)}")
            await asyncio.sleep(_POLL_SECONDS)


def _reason(child: Child) -> str:
    lines = child.output().strip().splitlines()
    fatal = [line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line]
    return (fatal or lines or [f"exit code {child.exit_code}"])[-1]
