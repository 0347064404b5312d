"""What an agent says of itself for others to read, beside the name and the capabilities by which it is found."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AgentSkill:
    """Something the agent can do, in words. `id` is unique within the agent."""

    id: str
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentCard:
    """The agent's card; what is empty was not said. `config` is a JSON object of which the registry knows nothing."""

    type: str = ""
    version: str = ""
    endpoint: str = ""
    skills: tuple[AgentSkill, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CardUpdate:
    """New values of parts of a card; None leaves a part as it is."""

    type: str | None = None
    version: str | None = None
    endpoint: str | None = None
    skills: tuple[AgentSkill, ...] | None = None
    config: Mapping[str, object] | None = None
