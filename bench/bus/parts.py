"""The parts that the suite stands on: a durable and a lossy NATS, and a Postgres, in a folder of their own."""

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rookery_kit.postgres.migrate import migrate_up
from rookery_kit.postgres.provision import runtime_role
from rookery_local.embedded_nats import EmbeddedNats
from rookery_local.embedded_postgres import EmbeddedPostgres

_PASSWORD = "only-for-benchmarks"
_USER = "orchestrator"


@dataclass(frozen=True, slots=True)
class Parts:
    """Where they are. `nats_pid` is that of the durable one."""

    durable_nats: str
    lossy_nats: str
    database: str
    nats_pid: int


@asynccontextmanager
async def running_parts() -> AsyncIterator[Parts]:
    """Starts them, and stops them in the end."""
    with tempfile.TemporaryDirectory(prefix="rk-bus-") as folder:
        root = Path(folder)
        users = {_USER: _PASSWORD}
        durable = EmbeddedNats(root / "durable", port=free_port(), users=users, sync_always=True)
        lossy = EmbeddedNats(root / "lossy", port=free_port(), users=users, sync_always=False)
        postgres = EmbeddedPostgres(root / "postgres")
        try:
            await durable.start()
            await lossy.start()
            await postgres.start()
            await asyncio.to_thread(migrate_up, postgres.admin_url, {"orchestrator": _PASSWORD})
            assert durable.pid is not None
            database = postgres.url(runtime_role("orchestrator"), _PASSWORD)
            yield Parts(durable.url(_USER), lossy.url(_USER), database, durable.pid)
        finally:
            await postgres.stop()
            await lossy.stop()
            await durable.stop()


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
