"""What the registry speaks of: agents with their leases, and MCP servers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from rookery_kit.errors import Aborted, AlreadyExists, FailedPrecondition, NotFound
from rookery_kit.filtering import EVERYTHING, Expression

from rookery_registry.card import AgentCard, CardUpdate


class NotAnAgent(FailedPrecondition):
    """The token was issued to a user or a service, and only an agent may do this."""

    reason = "NOT_AN_AGENT"

    def __init__(self, subject: str) -> None:
        super().__init__(f"{subject} is not an agent: use the token of an agent identity", subject=subject)


class AgentNotFound(NotFound):
    """No such agent in the caller's tenant."""

    reason = "AGENT_NOT_FOUND"

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"there is no agent {agent_id}", agent_id=agent_id)


class AgentNameTaken(AlreadyExists):
    """Another subject holds an agent of this name."""

    reason = "AGENT_NAME_TAKEN"

    def __init__(self, name: str) -> None:
        super().__init__(f"another agent is called {name}", name=name)


class SubjectAlreadyBound(AlreadyExists):
    """The caller is registered under another name."""

    reason = "SUBJECT_ALREADY_BOUND"

    def __init__(self, subject: str, name: str) -> None:
        super().__init__(f"{subject} is registered as {name}: deregister it first", subject=subject, name=name)


class SessionSuperseded(Aborted):
    """A later registration of the same agent has taken over; this session is to end."""

    reason = "SESSION_SUPERSEDED"

    def __init__(self, agent_id: str) -> None:
        super().__init__("a later registration of this agent has taken over", agent_id=agent_id)


class WatchTooOld(Aborted):
    """Changes that the watcher has not seen are no longer kept, or the revision is none of this installation's."""

    reason = "WATCH_TOO_OLD"

    def __init__(self, oldest: int) -> None:
        text = "changes after that revision are no longer kept: begin anew with a snapshot"
        super().__init__(text, oldest_revision=str(oldest))


class EtagMismatch(Aborted):
    """The resource is no longer what the caller read."""

    reason = "ETAG_MISMATCH"

    def __init__(self, current: str) -> None:
        super().__init__("the etag is not the current one: read again and repeat", current_etag=current)


class McpServerNotFound(NotFound):
    """No such MCP server in the caller's tenant."""

    reason = "MCP_SERVER_NOT_FOUND"

    def __init__(self, key: str) -> None:
        super().__init__(f"there is no MCP server {key}", mcp_server=key)


class McpServerExists(AlreadyExists):
    """An MCP server of this name is registered."""

    reason = "MCP_SERVER_EXISTS"

    def __init__(self, name: str) -> None:
        super().__init__(f"an MCP server called {name} is registered", name=name)


@dataclass(frozen=True, slots=True)
class AgentRegistration:
    """What a program says of itself when it registers. Its enrolment's labels win over its own."""

    name: str
    description: str
    capabilities: tuple[str, ...]
    labels: Mapping[str, str]
    enrolment_labels: Mapping[str, str]
    lease_duration: timedelta
    card: AgentCard = field(default_factory=AgentCard)


@dataclass(frozen=True, slots=True)
class AgentUpdate:
    """New values of attributes; None leaves an attribute as it is."""

    capabilities: tuple[str, ...] | None = None
    labels: Mapping[str, str] | None = None
    description: str | None = None
    card: CardUpdate = field(default_factory=CardUpdate)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent at one moment of the database's time, which decides whether its lease runs and it is `online`.

    `revision` rises with every change of anything but the lease. `session_epoch` names the registration in force.
    """

    id: str
    tenant: str
    name: str
    subject: str
    description: str
    capabilities: tuple[str, ...]
    labels: Mapping[str, str]
    online: bool
    session_epoch: int
    lease_duration: timedelta
    lease_expire_time: datetime
    create_time: datetime
    update_time: datetime
    revision: int
    draining: bool
    card: AgentCard = field(default_factory=AgentCard)

    @property
    def etag(self) -> str:
        """Names this state of the agent."""
        return etag_of(self.revision)


@dataclass(frozen=True, slots=True)
class AgentQuery:
    """Which agents to list, by name, beginning after the name `after`."""

    limit: int
    after: str = ""
    filter: Expression = EVERYTHING


class Instruction(Enum):
    """What an agent is told to do. The first two hold until the other comes; the last until it registers again."""

    DRAIN = "drain"
    RESUME = "resume"
    REFRESH_CARD = "refresh_card"


class AgentChange(Enum):
    """What happened to an agent."""

    REGISTERED = "registered"
    UPDATED = "updated"
    OFFLINE = "offline"
    ONLINE = "online"
    DEREGISTERED = "deregistered"


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """A change, with the agent afterwards; after a removal, as it last was, and the revision of the removal."""

    change: AgentChange
    agent: Agent
    revision: int


@dataclass(frozen=True, slots=True)
class StdioTransport:
    """A child process, spoken to over its standard input and output. An empty `cwd` is that of the tool-executor."""

    command: str
    args: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str


@dataclass(frozen=True, slots=True)
class StreamableHttpTransport:
    """An HTTP endpoint."""

    url: str


Transport = StdioTransport | StreamableHttpTransport


@dataclass(frozen=True, slots=True)
class McpServerRegistration:
    """What is said of a server when it is registered."""

    name: str
    description: str
    transport: Transport
    enabled: bool


@dataclass(frozen=True, slots=True)
class McpServer:
    """A server that offers tools."""

    id: str
    tenant: str
    name: str
    description: str
    transport: Transport
    enabled: bool
    create_time: datetime
    update_time: datetime
    revision: int

    @property
    def etag(self) -> str:
        """Names this state of the server."""
        return etag_of(self.revision)


class McpServerChange(Enum):
    """What happened to an MCP server."""

    REGISTERED = "registered"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class McpServerChanged:
    """A change, with the server afterwards; after a removal, as it last was, and the revision of the removal."""

    change: McpServerChange
    server: McpServer
    revision: int


def etag_of(revision: int) -> str:
    """A revision as callers see it: a text without a meaning of its own."""
    return f"r{revision:x}"
