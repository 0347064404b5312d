"""Leases kept by streams of heartbeats, written in groups."""
