"""Sessions to MCP servers through the official SDK: opened when first needed, shared, bounded, closed as a whole."""
