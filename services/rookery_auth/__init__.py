"""The auth service: who is calling, and what they may do."""
