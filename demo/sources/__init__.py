"""Where the work gets its texts from: through the tools of MCP servers, or straight from the disk to check on it."""
