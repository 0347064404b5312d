"""Changes as events on the bus."""

from rookery.events.v1 import agent_event_pb2, mcp_server_event_pb2
from rookery_kit.bus import OutgoingEvent
from rookery_kit.bus.subjects import event_subject

from rookery_registry.encoding import encode_agent, encode_mcp_server
from rookery_registry.model import AgentChange, AgentChanged, McpServerChange, McpServerChanged

_AGENT_CHANGES = {
    AgentChange.REGISTERED: agent_event_pb2.AGENT_CHANGE_REGISTERED,
    AgentChange.UPDATED: agent_event_pb2.AGENT_CHANGE_UPDATED,
    AgentChange.OFFLINE: agent_event_pb2.AGENT_CHANGE_OFFLINE,
    AgentChange.ONLINE: agent_event_pb2.AGENT_CHANGE_ONLINE,
    AgentChange.DEREGISTERED: agent_event_pb2.AGENT_CHANGE_DEREGISTERED,
}
_MCP_SERVER_CHANGES = {
    McpServerChange.REGISTERED: mcp_server_event_pb2.MCP_SERVER_CHANGE_REGISTERED,
    McpServerChange.DELETED: mcp_server_event_pb2.MCP_SERVER_CHANGE_DELETED,
}


def agent_event(changed: AgentChanged) -> OutgoingEvent:
    """AgentChanged."""
    message = agent_event_pb2.AgentChanged(
        change=_AGENT_CHANGES[changed.change], agent=encode_agent(changed.agent), revision=changed.revision
    )
    agent = changed.agent
    return OutgoingEvent(
        subject=event_subject(agent.tenant, "agent", agent.id),
        payload=message.SerializeToString(),
        message_id=f"agent-{agent.id}-{changed.revision}",
    )


def mcp_server_event(changed: McpServerChanged) -> OutgoingEvent:
    """McpServerChanged."""
    message = mcp_server_event_pb2.McpServerChanged(
        change=_MCP_SERVER_CHANGES[changed.change],
        mcp_server=encode_mcp_server(changed.server),
        revision=changed.revision,
    )
    server = changed.server
    return OutgoingEvent(
        subject=event_subject(server.tenant, "mcp_server", server.id),
        payload=message.SerializeToString(),
        message_id=f"mcp_server-{server.id}-{changed.revision}",
    )
