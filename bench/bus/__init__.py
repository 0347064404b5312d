"""The suite `bus`: from one agent to another over the orchestrator, against plain NATS clients."""
