"""The edge of the registry: decode, call, encode."""

from rookery_registry.rpc.agents import AgentRpc
from rookery_registry.rpc.mcp_servers import McpServerRpc

__all__ = ["AgentRpc", "McpServerRpc"]
