"""The registry's values as protobuf, the same in answers and in events."""

from rookery.registry.v1 import agent_pb2, mcp_server_pb2

from rookery_registry.card_encoding import encode_config, encode_skill
from rookery_registry.model import Agent, McpServer, StdioTransport, StreamableHttpTransport, Transport


def encode_agent(agent: Agent) -> agent_pb2.Agent:
    """An agent on the wire."""
    return agent_pb2.Agent(
        id=agent.id,
        tenant=agent.tenant,
        name=agent.name,
        subject=agent.subject,
        capabilities=agent.capabilities,
        labels=agent.labels,
        status=_status(agent),
        session_epoch=agent.session_epoch,
        lease_duration=agent.lease_duration,
        lease_expire_time=agent.lease_expire_time,
        create_time=agent.create_time,
        update_time=agent.update_time,
        etag=agent.etag,
        description=agent.description,
        revision=agent.revision,
        draining=agent.draining,
        type=agent.card.type,
        version=agent.card.version,
        endpoint=agent.card.endpoint,
        skills=[encode_skill(skill) for skill in agent.card.skills],
        config=encode_config(agent.card.config),
    )


def encode_mcp_server(server: McpServer) -> mcp_server_pb2.McpServer:
    """An MCP server on the wire."""
    encoded = mcp_server_pb2.McpServer(
        id=server.id,
        tenant=server.tenant,
        name=server.name,
        description=server.description,
        enabled=server.enabled,
        create_time=server.create_time,
        update_time=server.update_time,
        etag=server.etag,
        revision=server.revision,
    )
    match server.transport:
        case StdioTransport(command, args, env, cwd):
            encoded.stdio.MergeFrom(mcp_server_pb2.StdioTransport(command=command, args=args, env=env, cwd=cwd))
        case StreamableHttpTransport(url):
            encoded.streamable_http.MergeFrom(mcp_server_pb2.StreamableHttpTransport(url=url))
    return encoded


def decode_stdio(message: mcp_server_pb2.StdioTransport) -> Transport:
    """A stdio transport off the wire."""
    return StdioTransport(message.command, tuple(message.args), dict(message.env), message.cwd)


def decode_streamable_http(message: mcp_server_pb2.StreamableHttpTransport) -> Transport:
    """An HTTP transport off the wire."""
    return StreamableHttpTransport(message.url)


def _status(agent: Agent) -> agent_pb2.AgentStatus:
    if not agent.online:
        return agent_pb2.AGENT_STATUS_OFFLINE
    return agent_pb2.AGENT_STATUS_DRAINING if agent.draining else agent_pb2.AGENT_STATUS_ONLINE
