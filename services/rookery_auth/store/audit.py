"""The audit log, as use cases see it."""

from collections.abc import Sequence
from typing import Protocol

from rookery_kit.filtering import Expression

from rookery_auth.model import LoggedEvent


class AuditLog(Protocol):
    """The audit logs of all tenants; nothing in them is ever changed or removed."""

    async def page(
        self, tenant: str, expression: Expression, *, after: int | None, oldest_first: bool, limit: int
    ) -> Sequence[LoggedEvent]:
        """At most `limit` events of a tenant for which the expression holds, in order, beyond the sequence `after`."""
        ...
