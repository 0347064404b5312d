"""What identity and liveness cost: tokens, listings, heartbeats."""
