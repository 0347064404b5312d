"""Fixtures for every test folder."""

pytest_plugins = ["harness.databases", "harness.local_up", "harness.nats_cluster", "harness.nats_server", "harness.suite"]
