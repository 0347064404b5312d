"""Giving tasks to agents: workers, claims, leases, reports."""
