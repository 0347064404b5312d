"""Small real MCP servers, written with the official SDK, that tests start as processes of their own."""
