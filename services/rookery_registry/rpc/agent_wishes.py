"""Which agents a caller wishes to see, off the wire, and those that fit, on it."""

from collections.abc import Iterator

from rookery.registry.v1 import agent_pb2, agent_search_pb2, agent_service_pb2
from rookery_kit.filtering import And, Comparison, Expression, Literal, Operator, parse_filter

from rookery_registry.encoding import encode_agent
from rookery_registry.matching import AgentMatch, AgentSearch

_DEFAULT_MATCHES = 10


def decode_listing(request: agent_service_pb2.ListAgentsRequest) -> Expression:
    """The filter of a listing and the fields beside it, as one. Raises InvalidFilter."""
    return And((*_fields(request), parse_filter(request.filter)))


def _fields(request: agent_service_pb2.ListAgentsRequest) -> Iterator[Expression]:
    if request.name:
        yield Comparison(("name",), Operator.EQUAL, Literal(request.name))
    if request.capability:
        yield Comparison(("capabilities",), Operator.HAS, Literal(request.capability))
    if request.status:
        status = agent_pb2.AgentStatus.Name(request.status).removeprefix("AGENT_STATUS_")
        yield Comparison(("status",), Operator.EQUAL, Literal(status))


def decode_search(request: agent_search_pb2.FindAgentsRequest) -> AgentSearch:
    """What is wanted of an agent. Raises InvalidFilter."""
    return AgentSearch(
        limit=request.limit or _DEFAULT_MATCHES,
        capabilities=tuple(request.capabilities),
        labels=dict(request.labels),
        filter=parse_filter(request.filter),
        max_cost=request.max_cost if request.HasField("max_cost") else None,
    )


def encode_match(match: AgentMatch) -> agent_search_pb2.AgentMatch:
    """An agent that fits, on the wire."""
    encoded = agent_search_pb2.AgentMatch(agent=encode_agent(match.agent), cost=match.cost)
    if match.load is not None:
        load = match.load
        encoded.load.in_flight, encoded.load.capacity = load.in_flight, load.capacity
        encoded.load.error_rate, encoded.load.mean_response_ms = load.error_rate, load.mean_response_ms
        encoded.load.report_time.FromDatetime(load.report_time)
    return encoded
