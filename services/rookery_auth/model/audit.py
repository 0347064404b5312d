"""What the audit log holds."""

from dataclasses import dataclass

from rookery_kit.audit import AuditEvent


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event at its place in its tenant's log, tied to the one before it."""

    event: AuditEvent
    sequence: int
    previous_hash: bytes
    hash: bytes
