"""What a token is to say, as use cases see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rookery_auth.model import TenantLife


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subject stands in its tenant. `custom` holds what those of its roles permit that are the tenant's own.

    `life` is None where there is no such tenant. `read_time`, by the database's clock, is before all that is read here:
    whatever takes some of it away later revokes up to a later time. Tokens of the subject, or with one of its roles,
    that were issued at `revoked_until` or before are refused; None where none are.
    """

    life: TenantLife | None
    bound_roles: tuple[str, ...]
    custom: Mapping[str, frozenset[str]]
    read_time: datetime
    revoked_until: datetime | None = None


class EntitlementStore(Protocol):
    """Looks up all that decides on the next token of a subject, at once."""

    async def standing(self, tenant: str, subject: str, roles: tuple[str, ...]) -> Standing:
        """How the subject of a credential that names `roles` stands."""
        ...
