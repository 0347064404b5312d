"""How each tenant stands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quotas:
    """What a tenant may use; 0 in each: no limit. The names are those of `rookery.auth.v1.Quotas`."""

    requests_per_second: int = 0
    max_agents: int = 0
    max_api_keys: int = 0
    max_mailbox_messages: int = 0
    max_mailbox_bytes: int = 0


@dataclass(frozen=True, slots=True)
class TenantState:
    """How a tenant stands. `suspended` is true for one that is being deleted, too."""

    tenant: str
    suspended: bool = False
    quotas: Quotas = Quotas()
    revision: int = 0


class TenantStates:
    """What is known of the tenants. One of which nothing is known is active and has no limits.

    `changes` counts what was taken in.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._states: dict[str, TenantState] = {}
        self._suspended: set[str] = set()

    def of(self, tenant: str) -> TenantState:
        """How a tenant stands."""
        return self._states.get(tenant) or TenantState(tenant)

    def requests_per_second(self, tenant: str) -> int:
        """What a tenant's principals may send, all together; 0: no limit."""
        state = self._states.get(tenant)
        return state.quotas.requests_per_second if state else 0

    def suspended(self, tenant: str) -> bool:
        """Whether a tenant's tokens are refused."""
        return tenant in self._suspended

    def apply(self, state: TenantState) -> None:
        """Takes note of a state, unless a later one is known."""
        if self.of(state.tenant).revision > state.revision:
            return
        self._states[state.tenant] = state
        self.changes += 1
        if state.suspended:
            self._suspended.add(state.tenant)
        else:
            self._suspended.discard(state.tenant)
