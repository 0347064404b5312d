"""The audit trail of messages: every one that was accepted, and what became of it."""
