"""Fixtures for every test folder."""

pytest_plugins = ["harness.databases", "harness.nats_server", "harness.suite"]
