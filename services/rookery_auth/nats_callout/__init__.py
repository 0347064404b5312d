"""Agents on NATS: the access token opens a connection that may use its own agent's subjects and nothing else."""
