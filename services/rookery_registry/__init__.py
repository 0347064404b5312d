"""The registry service: which agents and MCP servers there are, and which agents are alive."""
