"""The processes of a chaos run, each of which can be killed and started again."""

import json
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from harness.databases import PASSWORD, FreshDatabase, admin_url, create_database, services_with_migrations
from harness.free_ports import free_port
from harness.nats_server import USERS, RestartableNats
from harness.repository import ROOT
from harness.suite import Suite, running_suite
from rookery_kit.postgres.migrate import migrate_up
from rookery_local.child import Child, Command
from rookery_local.embedded_nats import EmbeddedNats
from rookery_local.embedded_postgres import EmbeddedPostgres

ORCHESTRATORS = ("orchestrator", "orchestrator-2")
_SERVICES = ("auth", "registry", "orchestrator")


class Player:
    """A sender or a receiver. Each time it is started it talks to another of the orchestrators."""

    def __init__(self, module: str, order: dict[str, Any], contexts: list[Path], log: Path, first: int) -> None:
        self._module = module
        self._order = order
        self._contexts = contexts
        self._log = log
        self._starts = first
        self._child: Child | None = None

    async def start(self) -> None:
        """Starts it."""
        context = self._contexts[self._starts % len(self._contexts)]
        self._starts += 1
        order = json.dumps(self._order | {"context": str(context)})
        arguments = (sys.executable, "-m", self._module, order)
        command = Command(arguments, self._log, working_folder=ROOT / "tests")
        self._child = Child.spawn(command)

    async def kill(self) -> None:
        """Ends it with no warning."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Lets it bring to an end what it is at."""
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.exit_code is None:
            self._child.send(number)
            await self._child.wait()


class Stage:
    """A suite with two orchestrators, on a Postgres and a NATS of its own."""

    def __init__(self, folder: Path, suite: Suite, postgres: EmbeddedPostgres, nats: RestartableNats) -> None:
        self.folder = folder
        self.suite = suite
        self._postgres = postgres
        self._nats = nats
        self.players: dict[str, Player] = {}
        self.contexts = [self._write_context(name) for name in ORCHESTRATORS]

    def add(self, name: str, module: str, **order: Any) -> Player:
        """A player, not started yet. It keeps its journal in the folder."""
        order |= {"name": name, "journal": str(self.folder / f"{name}.journal")}
        log, first = self.folder / f"{name}.log", len(self.players)
        self.players[name] = player = Player(module, order, self.contexts, log, first)
        return player

    def victims(self) -> list[str]:
        """All that can be killed."""
        return [*ORCHESTRATORS, "nats", "postgres", *self.players]

    async def kill(self, victim: str) -> None:
        """Ends one with no warning."""
        await self._chosen(victim, self._postgres.kill, self._nats.kill, self.suite.kill, lambda each: each.kill())

    async def start(self, victim: str) -> None:
        """Starts one again."""
        await self._chosen(
            victim, self._postgres.start, self._nats.restart, self.suite.start, lambda each: each.start()
        )

    async def _chosen(
        self,
        victim: str,
        postgres: Callable[[], Awaitable[object]],
        nats: Callable[[], Awaitable[object]],
        service: Callable[[str], Awaitable[object]],
        player: Callable[[Player], Awaitable[object]],
    ) -> None:
        if victim == "postgres":
            await postgres()
        elif victim == "nats":
            await nats()
        elif victim in self.players:
            await player(self.players[victim])
        else:
            await service(victim)

    def _write_context(self, orchestrator: str) -> Path:
        path = self.folder / f"{orchestrator}.context.json"
        addresses = {each: self.suite.address(each) for each in ("auth", "registry", "tool_executor")}
        document = addresses | {
            "orchestrator": self.suite.address(orchestrator),
            "credential": str(self.suite.folder / "admin.credential"),
        }
        path.write_text(json.dumps(document))
        return path


@asynccontextmanager
async def set_stage(logs: Path | None = None) -> AsyncIterator[Stage]:
    """Starts everything but the players, and leaves nothing behind, but for journals and logs in a folder `logs`."""
    # Short, because a Unix socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="rk-chaos-"))
    postgres = EmbeddedPostgres(folder / "pg", durable=False)
    server = EmbeddedNats(folder / "nats", port=free_port(), users=dict.fromkeys(USERS, PASSWORD), sync_always=True)
    nats = RestartableNats(server)
    stage: Stage | None = None
    try:
        await postgres.start()
        create_database(postgres, "chaos")
        migrate_up(admin_url(postgres, "chaos"), dict.fromkeys(services_with_migrations(), PASSWORD))
        await server.start()
        database = FreshDatabase("chaos", postgres)
        async with running_suite(database, nats, services=_SERVICES) as suite:
            suite.add_replica("orchestrator-2")
            await suite.start("orchestrator-2")
            stage = Stage(folder, suite, postgres, nats)
            try:
                yield stage
            finally:
                for player in stage.players.values():
                    await player.kill()
                if logs is not None:
                    _keep([folder, suite.folder], logs)
    finally:
        await server.stop()
        await postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _keep(folders: Sequence[Path], logs: Path) -> None:
    logs.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        for pattern in ("*.log", "*.journal"):
            for file in folder.glob(pattern):
                shutil.copy(file, logs / file.name)
