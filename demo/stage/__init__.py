"""The processes of a run: the suite, the MCP servers, the agents. All of them end with it."""
