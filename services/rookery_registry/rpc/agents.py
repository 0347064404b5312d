"""AgentService."""

from rookery.registry.v1 import agent_pb2, agent_service_pb2, agent_service_pb2_grpc
from rookery_kit.errors import InvalidArgument
from rookery_kit.rpc import Call

from rookery_registry.encoding import encode_agent
from rookery_registry.model import AgentQuery, AgentUpdate
from rookery_registry.rpc.pages import NamePage
from rookery_registry.service.change_agent import AgentChanges
from rookery_registry.service.keep_lease import AgentLeases
from rookery_registry.service.read_agents import AgentReads
from rookery_registry.service.register_agent import AgentRegistrations, RegisterAgent

_ONLINE = {agent_pb2.AGENT_STATUS_ONLINE: True, agent_pb2.AGENT_STATUS_OFFLINE: False}
_UPDATABLE = ("capabilities", "labels", "description")


class AgentRpc(agent_service_pb2_grpc.AgentServiceServicer):
    """Serves AgentService."""

    def __init__(
        self, registrations: AgentRegistrations, reads: AgentReads, changes: AgentChanges, leases: AgentLeases
    ) -> None:
        self._registrations = registrations
        self._reads = reads
        self._changes = changes
        self._leases = leases

    async def RegisterAgent(
        self, request: agent_service_pb2.RegisterAgentRequest, context: object
    ) -> agent_service_pb2.RegisterAgentResponse:
        """Registers the caller."""
        command = RegisterAgent(
            name=request.name,
            description=request.description,
            capabilities=tuple(request.capabilities),
            labels=dict(request.labels),
            lease_duration=request.lease_duration.ToTimedelta() if request.HasField("lease_duration") else None,
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
        page = NamePage(request, "agents", request.name, request.capability, request.status)
        query = AgentQuery(
            limit=page.limit,
            after=page.after,
            name=request.name,
            capability=request.capability,
            online=_ONLINE.get(request.status),
        )
        agents, next_page_token = page.cut(await self._reads.list(Call.of(context).principal, query))
        return agent_service_pb2.ListAgentsResponse(
            agents=[encode_agent(agent) for agent in agents], next_page_token=next_page_token
        )

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

    async def Heartbeat(
        self, request: agent_service_pb2.HeartbeatRequest, context: object
    ) -> agent_service_pb2.HeartbeatResponse:
        """Extends the caller's lease, or ends it."""
        keep = self._leases.give_back if request.going_offline else self._leases.extend
        remaining = await keep(Call.of(context).principal, request.session_epoch)
        return agent_service_pb2.HeartbeatResponse(lease_remaining=remaining)


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
    )
