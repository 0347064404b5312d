"""What the registry must know."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field
from rookery_kit.settings import ServiceSettings


class RegistrySettings(ServiceSettings):
    """Settings of the registry."""

    service: ClassVar[str] = "registry"

    default_lease_seconds: Annotated[float, Field(ge=1, le=600)] = 15.0
    """The lease of an agent that asks for none."""

    sweep_seconds: Annotated[float, Field(gt=0, le=0.5)] = 0.4
    """How often lapsed leases are looked for. Bounded, because consumers are to hear of a lapse within a second."""

    outage_seconds: Annotated[float, Field(ge=1, le=60)] = 2.0
    """How long no replica may have looked for lapsed leases until that counts as an outage, after which leases run
    anew."""

    heartbeat_group_seconds: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    """How long a beat waits for others to be written with."""

    health_sample_seconds: Annotated[float, Field(ge=0, le=3600)] = 60.0
    """Of the reports of one agent at most one in so many seconds is kept. 0: every one."""

    health_retention_days: Annotated[float, Field(gt=0, le=3650)] = 7.0
    """How long reports are kept."""

    watch_retention_hours: Annotated[float, Field(gt=0, le=8760)] = 24.0
    """How long changes are kept for watchers that come back."""

    @property
    def default_lease(self) -> timedelta:
        """The lease of an agent that asks for none."""
        return timedelta(seconds=self.default_lease_seconds)

    @property
    def outage(self) -> timedelta:
        """How long a gap between sweeps is an outage."""
        return timedelta(seconds=self.outage_seconds)

    @property
    def health_retention(self) -> timedelta:
        """How long reports are kept."""
        return timedelta(days=self.health_retention_days)

    @property
    def watch_retention(self) -> timedelta:
        """How long changes are kept for watchers."""
        return timedelta(hours=self.watch_retention_hours)
