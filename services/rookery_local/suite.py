"""The whole suite of one machine: its parts, and the order in which they start and stop."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from rookery_local.child import Command
from rookery_local.data_folder import DataFolder
from rookery_local.embedded_nats import CALLOUT_USER, SYSTEM_USER, EmbeddedNats
from rookery_local.embedded_postgres import EmbeddedPostgres
from rookery_local.errors import CannotStart
from rookery_local.external import ExternalNats, ExternalPostgres
from rookery_local.keyring import OPERATOR_USER, Keyring
from rookery_local.migration import migrate
from rookery_local.options import UpOptions
from rookery_local.ports import SERVICES, Ports
from rookery_local.service_environment import ServiceEnvironment, find_config
from rookery_local.service_process import ServiceProcess
from rookery_local.socket_folder import SocketFolder
from rookery_local.supervisor import Listener, SupervisedPart, start_together
from rookery_local.unit import State

# Without -P the current folder would come first on the path, and whatever lies in it.
_PYTHON = (sys.executable, "-P", "-m")


@dataclass(frozen=True, slots=True)
class Programs:
    """The commands of the suite's own processes: the services by name, and what migrates the schemas."""

    services: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {service: (*_PYTHON, f"rookery_{service}") for service in SERVICES}
    )
    migrate: tuple[str, ...] = (*_PYTHON, "rookery_kit.postgres.migrate", "up")


class Suite:
    """Starts and stops the parts; nothing runs before `start` and nothing after `stop` or `kill`.

    The caller holds the lock of the data folder. `inherited` is the environment that the services get besides.
    """

    def __init__(
        self,
        options: UpOptions,
        folder: DataFolder,
        ports: Ports,
        keyring: Keyring,
        *,
        programs: Programs,
        inherited: Mapping[str, str],
        listener: Listener,
    ) -> None:
        self._folder = folder
        self._keyring = keyring
        self._migrate = programs.migrate
        self._listener = listener
        self._sockets = SocketFolder(folder.root, max(SERVICES, key=len) + ".notify")
        self._postgres = self._choose_postgres(options)
        self._nats = self._choose_nats(options, ports.nats)
        self._servers: list[SupervisedPart] = []
        if isinstance(self._postgres, EmbeddedPostgres):
            self._servers.append(SupervisedPart("postgres", self._postgres, listener=listener))
        if isinstance(self._nats, EmbeddedNats):
            self._servers.append(SupervisedPart("nats", self._nats, port=ports.nats, listener=listener))
        environment = ServiceEnvironment(
            inherited,
            folder,
            ports,
            postgres_urls={
                name: self._postgres.url(f"rookery_{name}", keyring.postgres_roles[name]) for name in SERVICES
            },
            nats_urls={name: self._nats.url(name) for name in SERVICES},
            config=find_config(options.config, inherited, folder.root),
            log_level=options.log_level,
            auth_nats_urls=self._auth_nats_urls(),
        )
        self._services = [self._service(name, programs.services[name], environment, ports) for name in SERVICES]
        self.parts = (*self._servers, *self._services)

    @property
    def admin_url(self) -> str:
        """The URL of the Postgres role that may create roles. Known once `start` has returned."""
        return self._postgres.admin_url

    @property
    def nats_url(self) -> str:
        """The URL of NATS for the person at the machine."""
        return self._nats.url(OPERATOR_USER)

    async def start(self, within: float) -> None:
        """Starts all of it and returns when all is SERVING. Raises CannotStart; what runs then is left to `stop`."""
        try:
            async with asyncio.timeout(within):
                self._sockets.create()
                await start_together(self._servers)
                if isinstance(self._nats, ExternalNats):
                    await self._nats.require_answer()
                passwords = self._keyring.postgres_roles_file
                await migrate(self._folder, self._migrate, admin_url=self.admin_url, passwords_file=passwords)
                await start_together(self._services)
        except TimeoutError:
            late = ", ".join(part.name for part in self.parts if part.status.state is not State.SERVING)
            logs = self._folder.log("").parent
            raise CannotStart(f"not all SERVING after {within:g} s (missing: {late}): see the logs in {logs}") from None

    async def stop(self) -> None:
        """Stops against the order of dependencies: the services, then NATS, then Postgres."""
        await asyncio.gather(*(part.stop() for part in self._services))
        for server in reversed(self._servers):
            await server.stop()
        self._sockets.remove()

    async def kill(self) -> None:
        """Ends all of it at once."""
        await asyncio.gather(*(part.kill() for part in self.parts))
        self._sockets.remove()

    def _choose_postgres(self, options: UpOptions) -> EmbeddedPostgres | ExternalPostgres:
        if options.postgres_url is not None:
            return ExternalPostgres(options.postgres_url)
        folder = self._folder
        return EmbeddedPostgres(folder.postgres, log_file=folder.log("postgres"), pid_file=folder.pid_file("postgres"))

    def _choose_nats(self, options: UpOptions, port: int) -> EmbeddedNats | ExternalNats:
        if options.nats_url is not None:
            return ExternalNats(options.nats_url)
        return EmbeddedNats(
            self._folder.nats,
            port=port,
            users=self._keyring.nats_users,
            callout_issuer=self._keyring.nats_callout.public,
            sync_always=not options.relaxed_sync,
            log_file=self._folder.log("nats"),
            pid_file=self._folder.pid_file("nats"),
        )

    def _auth_nats_urls(self) -> tuple[str, str] | None:
        """Where auth answers who a connection is; a NATS of the user's own is set up by its operator."""
        if isinstance(self._nats, ExternalNats):
            return None
        return self._nats.url(CALLOUT_USER), self._nats.url(SYSTEM_USER)

    def _service(
        self, name: str, program: tuple[str, ...], environment: ServiceEnvironment, ports: Ports
    ) -> SupervisedPart:
        command = Command(
            program, self._folder.log(name), environment=environment.of(name), pid_file=self._folder.pid_file(name)
        )
        unit = ServiceProcess(command, socket=self._sockets.path / f"{name}.notify")
        return SupervisedPart(
            name, unit, port=ports.services[name], metrics_port=ports.metrics[name], listener=self._listener
        )
