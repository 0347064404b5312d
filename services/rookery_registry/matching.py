"""Which agents fit a task best."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rookery_kit.filtering import EVERYTHING, And, Comparison, Expression, Literal, Operator

from rookery_registry.model import Agent


@dataclass(frozen=True, slots=True)
class AgentSearch:
    """What is wanted of an agent: all of the capabilities and labels, and that the filter holds.

    `max_cost` None: whatever it costs.
    """

    limit: int
    capabilities: tuple[str, ...] = ()
    labels: Mapping[str, str] | None = None
    filter: Expression = EVERYTHING
    max_cost: float | None = None

    @property
    def condition(self) -> Expression:
        """All that is wanted of the agent itself, as one filter."""
        capabilities = (Comparison(("capabilities",), Operator.HAS, Literal(name)) for name in self.capabilities)
        labels = (
            Comparison(("labels", key), Operator.EQUAL, Literal(value)) for key, value in (self.labels or {}).items()
        )
        return And((*capabilities, *labels, self.filter))


@dataclass(frozen=True, slots=True)
class AgentLoad:
    """What an agent reported last of its load. `capacity` 0: unknown; `error_rate` from 0 to 1."""

    in_flight: int
    capacity: int
    error_rate: float
    mean_response_ms: float
    report_time: datetime


@dataclass(frozen=True, slots=True)
class AgentMatch:
    """An agent that fits, and what it was ranked by: less is better. `load` None: it has reported nothing of late."""

    agent: Agent
    cost: float
    load: AgentLoad | None
