"""Fixtures for every test folder."""

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
