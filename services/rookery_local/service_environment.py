"""What each service is told about its neighbours, by environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rookery_local.data_folder import DataFolder
from rookery_local.errors import CannotStart
from rookery_local.ports import Ports

CONFIG_VARIABLE = "ROOKERY_CONFIG"
_CONFIG_NAME = "rookery.yaml"
_ASKS_REGISTRY = frozenset({"orchestrator", "tool_executor"})


@dataclass(frozen=True, slots=True)
class ServiceEnvironment:
    """Makes the environment of each service, on top of `inherited`.

    `postgres_urls` and `nats_urls` are by service; `config` is the settings file, `log_level` the level, if any.
    `auth_nats_urls` are those of auth for the callout and for the system account; None: agents cannot connect to NATS.
    """

    inherited: Mapping[str, str]
    folder: DataFolder
    ports: Ports
    postgres_urls: Mapping[str, str]
    nats_urls: Mapping[str, str]
    config: Path | None
    log_level: str | None
    auth_nats_urls: tuple[str, str] | None = None

    def of(self, service: str) -> dict[str, str]:
        """The whole environment of the service's process."""
        values = {
            "LISTEN": self.ports.address(service),
            "METRICS_LISTEN": self.ports.metrics_address(service),
            "DATABASE_URL": self.postgres_urls[service],
            "NATS_URL": self.nats_urls[service],
            "AUTH_ADDRESS": self.ports.address("auth"),
        }
        if service == "auth":
            values["MASTER_KEY_FILE"] = str(self.folder.master_key)
            values["BOOTSTRAP_CREDENTIAL_FILE"] = str(self.folder.credential)
            if self.auth_nats_urls is not None:
                values["NATS_CALLOUT_SEED_FILE"] = str(self.folder.nats_callout_seed)
                values["NATS_CALLOUT_URL"], values["NATS_SYSTEM_URL"] = self.auth_nats_urls
        if service in _ASKS_REGISTRY:
            values["REGISTRY_ADDRESS"] = self.ports.address("registry")
        if self.log_level is not None:
            values["LOG_LEVEL"] = self.log_level
        prefix = f"ROOKERY_{service.upper()}_"
        config = {} if self.config is None else {CONFIG_VARIABLE: str(self.config)}
        return {**self.inherited, **config, **{prefix + name: value for name, value in values.items()}}


def find_config(given: Path | None, inherited: Mapping[str, str], data_dir: Path) -> Path | None:
    """The settings file: the one given, else of the environment, else in the data directory, else in the current one.

    Raises CannotStart when the one given is not there.
    """
    if given is not None:
        if not given.is_file():
            raise CannotStart(f"the settings file {given} is not there")
        return given.resolve()
    if CONFIG_VARIABLE in inherited:
        return Path(inherited[CONFIG_VARIABLE]).resolve()
    usual = (folder / _CONFIG_NAME for folder in (data_dir, Path.cwd()))
    return next((path.resolve() for path in usual if path.is_file()), None)
