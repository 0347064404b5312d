"""How much mail a tenant may have waiting, all its mailboxes together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import mail_subject
from rookery_kit.clock import Clock
from rookery_kit.errors import ResourceExhausted

from rookery_orchestrator.mailbox.consumers import STREAM, bus_errors

_FRESH_SECONDS = 1.0
# Of the mean size of a tenant's messages, so much comes from the latest one.
_WEIGHT = 0.02


class MailQuotas(Protocol):
    """What a tenant may have waiting; 0 in each: no limit."""

    @property
    def max_mailbox_messages(self) -> int:
        """Messages."""
        ...

    @property
    def max_mailbox_bytes(self) -> int:
        """Bytes."""
        ...


class TenantMailFull(ResourceExhausted):
    """As much mail waits in the tenant's mailboxes as may; nothing was stored."""

    reason = "MAILBOX_FULL"

    def __init__(self, tenant: str, quota: str, limit: int) -> None:
        said = f"the quota {quota} is {limit}"
        violation = (f"tenant:{tenant}", said)
        super().__init__(f"{said} and used up", retry_after=_FRESH_SECONDS, quota_violations=(violation,), quota=quota)


@dataclass(slots=True)
class _Usage:
    messages: int = 0
    mean_bytes: float = 0.0
    stream_mean: float = 0.0
    look_again: float = 0.0


class TenantRoom:
    """Refuses what would exceed a tenant's quotas, as far as is known here.

    The broker is asked once a second for how many messages wait, and what is accepted here is added until it is asked
    again. So a quota may be exceeded by what other replicas accept within a second. Bytes are that number times the
    mean size of what the tenant sent of late. A tenant without quotas costs nothing.
    """

    def __init__(self, bus: Bus, clock: Clock, quotas: Callable[[str], MailQuotas]) -> None:
        self._bus = bus
        self._clock = clock
        self._quotas = quotas
        self._usage: dict[str, _Usage] = {}

    async def look(self, tenants: Iterable[str]) -> None:
        """Brings up to date what is known of tenants that have quotas. Raises BusUnavailable."""
        for tenant in tenants:
            quotas = self._quotas(tenant)
            if not quotas.max_mailbox_messages and not quotas.max_mailbox_bytes:
                self._usage.pop(tenant, None)
                continue
            usage = self._usage.setdefault(tenant, _Usage())
            if usage.look_again <= self._clock.monotonic():
                with bus_errors():
                    info = await self._bus.jetstream.stream_info(STREAM, subjects_filter=mail_subject(tenant, "*", "*"))
                usage.messages = sum((info.state.subjects or {}).values())
                usage.stream_mean = info.state.bytes / max(1, info.state.messages)
                usage.look_again = self._clock.monotonic() + _FRESH_SECONDS

    def take(self, tenant: str, size: int) -> TenantMailFull | None:
        """Counts a message, or says why there is no room for it."""
        usage = self._usage.get(tenant)
        if usage is None:
            return None
        # Nothing is known yet of what the tenant sends: as much as others do, or as this one.
        usage.mean_bytes = usage.mean_bytes or max(usage.stream_mean, size)
        quotas = self._quotas(tenant)
        if 0 < quotas.max_mailbox_messages <= usage.messages:
            return TenantMailFull(tenant, "max_mailbox_messages", quotas.max_mailbox_messages)
        if 0 < quotas.max_mailbox_bytes < usage.messages * usage.mean_bytes + size:
            return TenantMailFull(tenant, "max_mailbox_bytes", quotas.max_mailbox_bytes)
        usage.messages += 1
        usage.mean_bytes += (size - usage.mean_bytes) * _WEIGHT
        return None
