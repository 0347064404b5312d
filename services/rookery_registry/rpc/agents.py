"""AgentService."""

from collections.abc import AsyncIterator

from rookery.registry.v1 import (
    agent_health_pb2,
    agent_search_pb2,
    agent_service_pb2,
    agent_service_pb2_grpc,
    agent_watch_pb2,
)
from rookery_kit.errors import InvalidArgument
from rookery_kit.rpc import Call
from rookery_kit.rpc.times import length_in

from rookery_registry.card_encoding import decode_card, decode_card_update
from rookery_registry.encoding import encode_agent
from rookery_registry.model import AgentQuery, AgentUpdate, Instruction
from rookery_registry.rpc.agent_wishes import decode_listing, decode_search, encode_match
from rookery_registry.rpc.health import HealthListing
from rookery_registry.rpc.heartbeats import HeartbeatStream
from rookery_registry.rpc.pages import NamePage, what_fits
from rookery_registry.rpc.watch import WatchStream
from rookery_registry.service.change_agent import AgentChanges
from rookery_registry.service.instruct_agent import AgentInstructions
from rookery_registry.service.read_agents import AgentReads
from rookery_registry.service.register_agent import AgentRegistrations, RegisterAgent

_INSTRUCTIONS = {
    agent_service_pb2.AGENT_INSTRUCTION_DRAIN: Instruction.DRAIN,
    agent_service_pb2.AGENT_INSTRUCTION_RESUME: Instruction.RESUME,
    agent_service_pb2.AGENT_INSTRUCTION_REFRESH_CARD: Instruction.REFRESH_CARD,
}
_UPDATABLE = ("capabilities", "labels", "description", "type", "version", "endpoint", "skills", "config")


class AgentRpc(agent_service_pb2_grpc.AgentServiceServicer):
    """Serves AgentService."""

    def __init__(
        self,
        registrations: AgentRegistrations,
        reads: AgentReads,
        changes: AgentChanges,
        *,
        instructions: AgentInstructions,
        heartbeats: HeartbeatStream,
        health: HealthListing,
        watch: WatchStream,
    ) -> None:
        self._registrations = registrations
        self._reads = reads
        self._changes = changes
        self._instructions = instructions
        self._heartbeats = heartbeats
        self._health = health
        self._watch = watch

    async def RegisterAgent(
        self, request: agent_service_pb2.RegisterAgentRequest, context: object
    ) -> agent_service_pb2.RegisterAgentResponse:
        """Registers the caller."""
        command = RegisterAgent(
            name=request.name,
            description=request.description,
            capabilities=tuple(request.capabilities),
            labels=dict(request.labels),
            lease_duration=length_in(request, "lease_duration"),
            card=decode_card(request),
        )
        agent = await self._registrations.register(Call.of(context).principal, command)
        return agent_service_pb2.RegisterAgentResponse(agent=encode_agent(agent))

    async def GetAgent(
        self, request: agent_service_pb2.GetAgentRequest, context: object
    ) -> agent_service_pb2.GetAgentResponse:
        """Answers one agent."""
        agent = await self._reads.get(Call.of(context).principal, request.agent_id)
        return agent_service_pb2.GetAgentResponse(agent=encode_agent(agent))

    async def ListAgents(
        self, request: agent_service_pb2.ListAgentsRequest, context: object
    ) -> agent_service_pb2.ListAgentsResponse:
        """Lists agents."""
        page = NamePage(request, "agents", request.name, request.capability, request.status, request.filter)
        query = AgentQuery(limit=page.limit, after=page.after or "", filter=decode_listing(request))
        agents, next_page_token = page.cut(await self._reads.list(Call.of(context).principal, query), encode_agent)
        return agent_service_pb2.ListAgentsResponse(agents=agents, next_page_token=next_page_token)

    async def FindAgents(
        self, request: agent_search_pb2.FindAgentsRequest, context: object
    ) -> agent_search_pb2.FindAgentsResponse:
        """Answers the agents that fit best."""
        matches = await self._reads.find(Call.of(context).principal, decode_search(request))
        return agent_search_pb2.FindAgentsResponse(matches=what_fits(map(encode_match, matches)))

    async def UpdateAgent(
        self, request: agent_service_pb2.UpdateAgentRequest, context: object
    ) -> agent_service_pb2.UpdateAgentResponse:
        """Changes attributes."""
        agent = await self._changes.update(
            Call.of(context).principal, request.agent_id, request.etag, _decode_update(request)
        )
        return agent_service_pb2.UpdateAgentResponse(agent=encode_agent(agent))

    async def DeregisterAgent(
        self, request: agent_service_pb2.DeregisterAgentRequest, context: object
    ) -> agent_service_pb2.DeregisterAgentResponse:
        """Removes an agent."""
        await self._changes.deregister(Call.of(context).principal, request.agent_id)
        return agent_service_pb2.DeregisterAgentResponse()

    def Heartbeat(
        self, requests: AsyncIterator[agent_service_pb2.HeartbeatRequest], context: object
    ) -> AsyncIterator[agent_service_pb2.HeartbeatResponse]:
        """Keeps the caller's lease, or ends it."""
        return self._heartbeats.serve(requests, Call.of(context))

    async def InstructAgent(
        self, request: agent_service_pb2.InstructAgentRequest, context: object
    ) -> agent_service_pb2.InstructAgentResponse:
        """Tells an agent what to do."""
        instruction = _INSTRUCTIONS[request.instruction]
        agent = await self._instructions.instruct(Call.of(context).principal, request.agent_id, instruction)
        return agent_service_pb2.InstructAgentResponse(agent=encode_agent(agent))

    async def ListHealthMetrics(
        self, request: agent_health_pb2.ListHealthMetricsRequest, context: object
    ) -> agent_health_pb2.ListHealthMetricsResponse:
        """Lists what an agent has reported."""
        return await self._health.list(request, Call.of(context))

    def WatchAgents(
        self, request: agent_watch_pb2.WatchAgentsRequest, context: object
    ) -> AsyncIterator[agent_watch_pb2.WatchAgentsResponse]:
        """Follows the agents of the caller's tenant."""
        return self._watch.serve(request, Call.of(context))


def _decode_update(request: agent_service_pb2.UpdateAgentRequest) -> AgentUpdate:
    """The rules in the proto let an empty mask pass, and paths that go on below a field; neither can be followed."""
    named = set(request.update_mask.paths)
    if not named or not named.issubset(_UPDATABLE):
        text = f"must name at least one of {', '.join(_UPDATABLE)}, and nothing else"
        raise InvalidArgument(f"update_mask: {text}", (("update_mask", text),))
    return AgentUpdate(
        capabilities=tuple(request.capabilities) if "capabilities" in named else None,
        labels=dict(request.labels) if "labels" in named else None,
        description=request.description if "description" in named else None,
        card=decode_card_update(request, named),
    )
