"""How a subject stands, off the columns that decide on a token."""

import json

from asyncpg import Record

from rookery_auth.model import TenantLife
from rookery_auth.store.entitlements import Standing


def standing(row: Record) -> Standing:
    """The standing in a row with state, bound_roles, custom, revoked_until and read_time."""
    return Standing(
        life=TenantLife(row["state"]) if row["state"] is not None else None,
        bound_roles=tuple(row["bound_roles"]),
        custom={name: frozenset(permissions) for name, permissions in json.loads(row["custom"]).items()},
        read_time=row["read_time"],
        revoked_until=row["revoked_until"],
    )
