"""What the tool-executor must know."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from rookery_kit.settings import Address, ServiceSettings

Count = Annotated[int, Field(ge=1)]
Bytes = Annotated[int, Field(ge=1024)]
Seconds = Annotated[float, Field(gt=0)]


class AllowedCommandSettings(BaseModel):
    """An entry of the allow-list of stdio commands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: Annotated[str, Field(min_length=1, pattern=r"^(/|[^/*]+$)")]
    """A name on the executor's search path, or an absolute path."""

    args_prefix: tuple[str, ...] = ()
    """The arguments that must come first."""

    env_names: frozenset[str] | None = None
    """The variables that may be set; None: any that is not known to make programs load other code."""

    cwd_roots: tuple[str, ...] = ()
    """The folders in which a working directory may lie; none: it must be left empty."""


def _from_name(value: Any) -> Any:  # noqa: ANN401 -- what stands in a settings file
    return {"command": value} if isinstance(value, str) else value


class ToolExecutorSettings(ServiceSettings):
    """Settings of the tool-executor."""

    service: ClassVar[str] = "tool_executor"

    registry_address: Address
    """Where the registry answers."""

    stdio_allowed_commands: tuple[Annotated[AllowedCommandSettings, BeforeValidator(_from_name)], ...] = ()
    """The commands that may be started as MCP servers. Empty, the default: none."""

    http_allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks (CIDR) that HTTP endpoints may lie in although they are not public."""

    child_data_bytes: Bytes = 2 * 1024**3
    """Data that one process of a stdio server may have."""

    child_open_files: Count = 1024
    """Files that one process of a stdio server may have open."""

    child_stop_seconds: Seconds = 1.0
    """How long a stdio server has to end, first when its input ends, then again after SIGTERM."""

    session_start_seconds: Seconds = 20.0
    """How long a server has from its start to the listing of its tools."""

    session_idle_seconds: Seconds = 300.0
    """After how long without a call a session is closed."""

    session_concurrency: Count = 16
    """Calls to one server at once."""

    max_sessions: Count = 128
    """Sessions at once; beyond, the one that was idle longest makes room."""

    tools_max_age_seconds: Seconds = 300.0
    """How long a listing of tools is trusted when the server tells of no change."""

    mcp_message_bytes: Bytes = 8 * 1024**2
    """The largest message that is taken from a server."""

    max_answer_bytes: Bytes = 2 * 1024**2
    """The largest answer of a tool that is kept and passed on."""

    default_tool_timeout_seconds: Seconds = 30.0
    """How long a tool has when its caller says nothing."""

    executor_lease_seconds: Annotated[float, Field(ge=1, le=60)] = 4.0
    """After how long a lost executor's calls are taken over or named ambiguous."""

    directory_max_age_seconds: Annotated[float, Field(ge=0, le=60)] = 2.0
    """How long what is known of a server is trusted without a look into the database."""
