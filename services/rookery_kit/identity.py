"""Who is calling, as the access token says."""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

EVERY_PERMISSION = "*:*"
FIRST_TENANT = "default"
"""The tenant that the first start makes; its callers alone may manage the installation."""
TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""What a tenant may be called, in full; no name stands for several tenants."""


@dataclass(frozen=True)
class Principal:
    """The caller of an RPC. `subject` is `<kind>:<identifier>`, such as `agent:<uuid>` or `user:admin`.

    `session_ids` are what the token was issued through: refresh families and API keys. `actors` act for the subject,
    the nearest first; empty when nobody does. `key_rate` is the requests per second that the API key which is the
    first of the sessions may make; None or 0: no limit of its own. `key_id` names the key that signed the token.
    """

    subject: str
    tenant: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    token_id: str
    expires_at: datetime
    labels: tuple[tuple[str, str], ...] = ()
    session_ids: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    key_rate: int | None = None
    issued_at: float = 0.0
    key_id: str = ""

    @cached_property
    def kind(self) -> str:
        """What calls: `agent`, `user` or `service`."""
        return self.subject.partition(":")[0]

    @property
    def acting(self) -> str:
        """The subject that acts: the nearest actor, or the subject itself where nobody acts for it."""
        return self.actors[0] if self.actors else self.subject

    @cached_property
    def identifier(self) -> str:
        """The part of the subject after the kind; for an agent, the agent's id."""
        return self.subject.partition(":")[2]

    def permits(self, permission: str) -> bool:
        """Whether `resource:action` is held, by itself or through `resource:*`, `*:action` or `*:*`."""
        held = self.permissions
        if permission in held or EVERY_PERMISSION in held:
            return True
        resource, _, action = permission.partition(":")
        return f"{resource}:*" in held or f"*:{action}" in held


current_principal: ContextVar[Principal | None] = ContextVar("current_principal", default=None)
"""The caller on whose behalf this task runs, for logs. Use cases are handed their Principal instead."""
