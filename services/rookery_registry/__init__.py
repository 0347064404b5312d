"""The registry service: which agents and MCP servers there are, and which agents are alive."""

from rookery_kit.grpc_loading import prepare_grpc

prepare_grpc()
