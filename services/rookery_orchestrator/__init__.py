"""The orchestrator: gives tasks to agents under leases, and carries messages between them."""
