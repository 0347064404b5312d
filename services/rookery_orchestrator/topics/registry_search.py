"""Finding agents by what they are, at the registry."""

import grpc
from rookery.registry.v1 import agent_pb2, agent_service_pb2, agent_service_pb2_grpc
from rookery_kit.rpc import service_error

from rookery_orchestrator.directory import Metadata
from rookery_orchestrator.topics.model import Selector

_PAGE = 1_000
_TIMEOUT_SECONDS = 5.0


class RegistrySearch:
    """Implements AgentSearch: asks the registry, with the caller's own token, for what the caller may see."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._registry: agent_service_pb2_grpc.AgentServiceAsyncStub
        self._registry = agent_service_pb2_grpc.AgentServiceStub(channel)

    async def select(self, selector: Selector, limit: int, forward: Metadata) -> list[str]:
        """The ids of the agents that fit, at most `limit`. Raises Unavailable."""
        status = agent_pb2.AGENT_STATUS_ONLINE if selector.online_only else agent_pb2.AGENT_STATUS_UNSPECIFIED
        request = agent_service_pb2.ListAgentsRequest(page_size=_PAGE, capability=selector.capability, status=status)
        found: list[str] = []
        while True:
            try:
                answer = await self._registry.ListAgents(request, metadata=forward, timeout=_TIMEOUT_SECONDS)
            except grpc.aio.AioRpcError as error:
                raise service_error("registry", error) from error
            found += [agent.id for agent in answer.agents if _fits(agent, selector)]
            if len(found) >= limit or not answer.next_page_token:
                return found[:limit]
            request.page_token = answer.next_page_token


def _fits(agent: agent_pb2.Agent, selector: Selector) -> bool:
    return all(agent.labels.get(key) == value for key, value in selector.labels.items())
