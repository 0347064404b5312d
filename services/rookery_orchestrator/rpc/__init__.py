"""The edge of the orchestrator: decode, call, encode."""
