"""Settings: read once at start, checked, frozen, and passed on.

Sources, later ones winning: defaults, the service's section of the YAML file named by `ROOKERY_CONFIG` (with
`${VAR}` and `${VAR:-default}` taken from the environment), and `ROOKERY_<SERVICE>_<NAME>`.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast

import yaml
from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


class SettingsError(Exception):
    """The settings cannot be used. The message names every fault, a line each."""


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not (host and colon and port.isdigit() and int(port) <= 65535):
        raise ValueError("must be host:port, such as 127.0.0.1:7101")
    return value


Address = Annotated[str, AfterValidator(_address)]


class ServiceSettings(BaseSettings):
    """What every service must know. Each service adds its own in its `settings` module."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    service: ClassVar[str]
    urgent_events: ClassVar[str] = ""
    """The third token of the subjects of events that leave the outbox before all others; empty: none do."""

    listen: Address
    metrics_listen: Address
    database_url: SecretStr
    nats_url: SecretStr
    auth_address: Address
    issuer: str = "https://auth.rookery.local"
    audience: str = "rookery"
    database_pool_size: int = 8
    max_message_bytes: int = 4 * 1024 * 1024
    default_deadline_seconds: float = 30.0
    drain_seconds: float = 5.0
    start_timeout_seconds: float = 30.0
    log_level: str = "info"
    otlp_endpoint: str | None = None
    trace_sample_ratio: float = 1.0
    stream_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    stream_max_bytes: PositiveInt = 1024**3
    identity_stale_seconds: PositiveFloat = 300.0
    principal_requests_per_second: NonNegativeInt = 10_000
    rate_limit_outage: Literal["open", "closed"] = "open"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, which arrives as constructor arguments."""
        return env_settings, init_settings


S = TypeVar("S", bound=ServiceSettings)


def load_settings(settings_class: type[S], environment: Mapping[str, str] = os.environ) -> S:
    """Reads, checks and freezes the settings of one service. Raises SettingsError naming every fault."""
    prefix = f"ROOKERY_{settings_class.service.upper()}_"
    section: dict[str, Any] = {}
    if path := environment.get("ROOKERY_CONFIG"):
        section = read_section(Path(path), settings_class.service, environment)
    try:
        build = cast("Any", settings_class)
        return cast("S", build(_env_prefix=prefix, **section))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        hint = f"(set in the section {settings_class.service!r} of rookery.yaml or as {prefix}<NAME>)"
        raise SettingsError("; ".join(faults) + f" {hint}") from None


def read_section(path: Path, service: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The section of one service in a YAML file, variables replaced. An absent section is an empty one."""
    try:
        document = yaml.safe_load(substitute(path.read_text(encoding="utf-8"), environment, str(path)))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict | None):
        raise SettingsError(f"{path}: must be a mapping of services")
    section: object = (document or {}).get(service)
    if not isinstance(section, dict | None):
        raise SettingsError(f"{path}: {service}: must be a mapping")
    return section or {}


def substitute(text: str, environment: Mapping[str, str], source: str) -> str:
    """Replaces `${VAR}` and `${VAR:-default}`. Raises SettingsError naming each line with an unset variable."""
    faults: list[str] = []

    def value(match: re.Match[str]) -> str:
        name: str = match["name"]
        default: str | None = match["default"]
        found = environment.get(name, default)
        if found is None:
            line = text.count("\n", 0, match.start()) + 1
            faults.append(f"{source}:{line}: the variable {name} is not set")
            return ""
        return found

    replaced = _VARIABLE.sub(value, text)
    if faults:
        raise SettingsError("; ".join(faults))
    return replaced
