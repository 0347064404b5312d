"""Chaos: real processes are killed under load, and a history of what happened to messages is judged."""
