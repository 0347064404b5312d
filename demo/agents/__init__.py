"""The fleet: agents with different capabilities, each a process of its own (`python -m demo.agents`)."""
