"""How fast each tenant may go."""

from typing import Protocol


class TenantRates(Protocol):
    """Knows the quota of every tenant. Asked at every call, so it answers from memory."""

    def requests_per_second(self, tenant: str) -> int:
        """What all principals of a tenant may do together; 0: no limit."""
        ...
