"""What every service tells the audit log, which auth keeps."""

from rookery_kit.audit.event import AuditEvent, AuditOutcome
from rookery_kit.audit.trail import AuditTrail

__all__ = ["AuditEvent", "AuditOutcome", "AuditTrail"]
