"""The directory of agents: the projection first, then the registry."""

from collections import OrderedDict

import grpc
from rookery.registry.v1 import agent_pb2, agent_service_pb2, agent_service_pb2_grpc
from rookery_kit.clock import Clock
from rookery_kit.rpc import service_error

from rookery_orchestrator.directory import AgentUnknown, KnownAgent, Metadata
from rookery_orchestrator.session_errors import SessionSuperseded, StreamProtocol
from rookery_orchestrator.store import AgentProjection

_TIMEOUT_SECONDS = 5.0
_REMEMBER_SECONDS = 2.0
_REMEMBER_AGENTS = 20_000
_LIVE = (agent_pb2.AGENT_STATUS_ONLINE, agent_pb2.AGENT_STATUS_DRAINING)


class RegistryDirectory:
    """Implements AgentDirectory. What it answers may be two seconds old."""

    def __init__(self, projection: AgentProjection, channel: grpc.aio.Channel, clock: Clock) -> None:
        self._projection = projection
        self._registry: agent_service_pb2_grpc.AgentServiceAsyncStub
        self._registry = agent_service_pb2_grpc.AgentServiceStub(channel)
        self._clock = clock
        self._remembered: OrderedDict[tuple[str, str], tuple[float, KnownAgent]] = OrderedDict()

    async def find(self, tenant: str, agent_id: str, forward: Metadata) -> KnownAgent:
        """The agent of an id. Raises AgentUnknown, or Unavailable."""
        return (
            self._recall(tenant, agent_id)
            or self._remember(agent_id, await self._projection.find(tenant, agent_id))
            or await self._ask(tenant, agent_id, forward)
        )

    async def find_by_name(self, tenant: str, name: str, forward: Metadata) -> KnownAgent:
        """The agent of a name. Raises AgentUnknown, or Unavailable."""
        known = self._recall(tenant, name) or self._remember(name, await self._projection.find_by_name(tenant, name))
        if known is not None:
            return known
        request = agent_service_pb2.ListAgentsRequest(name=name, page_size=1)
        try:
            answer = await self._registry.ListAgents(request, metadata=forward, timeout=_TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise service_error("registry", error) from error
        if not answer.agents:
            raise AgentUnknown(name)
        return await self._learn(answer.agents[0])

    async def session(self, tenant: str, agent_id: str, session_epoch: int, forward: Metadata) -> KnownAgent:
        """The agent, in the session that it names. Raises SessionSuperseded, StreamProtocol, and as `find` does."""
        agent = await self.find(tenant, agent_id, forward)
        if agent.session_epoch != session_epoch:
            agent = await self._ask(tenant, agent_id, forward)
        if session_epoch < agent.session_epoch:
            raise SessionSuperseded
        if session_epoch > agent.session_epoch:
            raise StreamProtocol(f"the session_epoch {session_epoch} was never given out")
        return agent

    def forget(self, agent: KnownAgent) -> None:
        """Looks this agent up anew the next time."""
        for key in (agent.id, agent.name):
            self._remembered.pop((agent.tenant, key), None)

    async def _ask(self, tenant: str, agent_id: str, forward: Metadata) -> KnownAgent:
        request = agent_service_pb2.GetAgentRequest(agent_id=agent_id)
        try:
            answer = await self._registry.GetAgent(request, metadata=forward, timeout=_TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise AgentUnknown(agent_id) from error
            raise service_error("registry", error) from error
        return await self._learn(answer.agent)

    async def _learn(self, answer: agent_pb2.Agent) -> KnownAgent:
        agent = decode_agent(answer)
        await self._projection.learn(agent)
        self._remember(agent.id, agent)
        return agent

    def _recall(self, tenant: str, key: str) -> KnownAgent | None:
        known = self._remembered.get((tenant, key))
        return known[1] if known is not None and known[0] > self._clock.monotonic() else None

    def _remember(self, key: str, agent: KnownAgent | None) -> KnownAgent | None:
        if agent is not None:
            self._remembered[agent.tenant, key] = (self._clock.monotonic() + _REMEMBER_SECONDS, agent)
            if len(self._remembered) > _REMEMBER_AGENTS:
                self._remembered.popitem(last=False)
        return agent


def decode_agent(agent: agent_pb2.Agent) -> KnownAgent:
    """What the orchestrator needs of a registry's agent. One that drains has no capability for it: it gets no task."""
    return KnownAgent(
        id=agent.id,
        tenant=agent.tenant,
        name=agent.name,
        capabilities=() if agent.draining else tuple(agent.capabilities),
        online=agent.status in _LIVE,
        session_epoch=agent.session_epoch,
        revision=agent.revision,
    )
