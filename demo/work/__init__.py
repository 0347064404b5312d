"""The work of the fleet: what is done with each document. It knows neither Rookery nor MCP."""
