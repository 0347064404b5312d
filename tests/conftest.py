"""Fixtures for every test folder."""

from hypothesis import settings

# How long an example takes says something of the machine, and of what else runs on it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

pytest_plugins = [
    "harness.databases",
    "harness.local_up",
    "harness.nats_cluster",
    "harness.nats_server",
    "harness.suite",
    "harness.auth_service",
    # Last, because it stands on others, which are to be seen here first.
    "harness.nats_agents",
]
