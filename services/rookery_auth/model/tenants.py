"""Tenants: teams or customers that share an installation and see nothing of one another."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from rookery_kit.errors import AlreadyExists, FailedPrecondition, NotFound
from rookery_kit.identity_feed import Quotas, TenantState

from rookery_auth.model.etag import etag_of

ERASING_SERVICES = ("auth", "orchestrator", "registry", "tool_executor")
"""The services that hold something of a tenant, and report when they no longer do."""

LAST_ERASURE_ROUND = 2
"""After the first nobody writes for the tenant any more; the second takes what was under way till then."""


class TenantExists(AlreadyExists):
    """The name is or was that of a tenant."""

    reason = "TENANT_EXISTS"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"{tenant} is or was the name of a tenant", tenant=tenant)


class TenantNotFound(NotFound):
    """No such tenant."""

    reason = "TENANT_NOT_FOUND"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"there is no tenant {tenant}", tenant=tenant)


class TenantDeleted(FailedPrecondition):
    """The tenant is being erased or has been."""

    reason = "TENANT_DELETED"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"the tenant {tenant} is deleted", tenant=tenant)


class TenantProtected(FailedPrecondition):
    """The first tenant can be neither suspended nor deleted."""

    reason = "TENANT_PROTECTED"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"the tenant {tenant} is the installation's first: it stays", tenant=tenant)


class TenantLife(Enum):
    """Where a tenant is in its life; the values are the names of `rookery.auth.v1.TenantState`."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    DELETING = "DELETING"
    DELETED = "DELETED"

    @property
    def ended(self) -> bool:
        """Whether the tenant will not come back."""
        return self in (TenantLife.DELETING, TenantLife.DELETED)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant. `erasing_services` have, while it is DELETING, not reported yet in the round that is under way."""

    id: str
    display_name: str
    life: TenantLife
    quotas: Quotas
    revision: int
    create_time: datetime
    update_time: datetime
    erasing_services: tuple[str, ...] = field(default=())
    erasure_round: int = 0

    @property
    def etag(self) -> str:
        """Changes with every update."""
        return etag_of(self.revision)

    @property
    def known(self) -> TenantState:
        """As services know it."""
        return TenantState(self.id, self.life is not TenantLife.ACTIVE, self.quotas, self.revision)
