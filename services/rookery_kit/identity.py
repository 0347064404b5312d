"""Who is calling, as the access token says."""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

EVERY_PERMISSION = "*:*"
TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""What a tenant may be called, in full; no name stands for several tenants."""


@dataclass(frozen=True)
class Principal:
    """The caller of an RPC. `subject` is `<kind>:<identifier>`, such as `agent:<uuid>` or `user:admin`."""

    subject: str
    tenant: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    token_id: str
    expires_at: datetime
    labels: tuple[tuple[str, str], ...] = ()

    @cached_property
    def kind(self) -> str:
        """What calls: `agent`, `user` or `service`."""
        return self.subject.partition(":")[0]

    @cached_property
    def identifier(self) -> str:
        """The part of the subject after the kind; for an agent, the agent's id."""
        return self.subject.partition(":")[2]

    def permits(self, permission: str) -> bool:
        """Whether `resource:action` is held, by itself or through `resource:*` or `*:*`."""
        held = self.permissions
        return permission in held or EVERY_PERMISSION in held or f"{permission.partition(':')[0]}:*" in held


current_principal: ContextVar[Principal | None] = ContextVar("current_principal", default=None)
"""The caller on whose behalf this task runs, for logs. Use cases are handed their Principal instead."""
