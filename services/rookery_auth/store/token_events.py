"""Audit events of tokens, as use cases see them."""

from typing import Protocol

from rookery_kit.audit import AuditEvent


class TokenEventStore(Protocol):
    """Takes what the audit log is to be told of tokens."""

    async def record(self, event: AuditEvent) -> None:
        """Stores an event; it reaches the log later, and for certain."""
        ...
