"""An MCP server over streamable HTTP that reads documents closely. It opens no files: texts are given to it."""
