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

    @property
    def default_lease(self) -> timedelta:
        """The lease of an agent that asks for none."""
        return timedelta(seconds=self.default_lease_seconds)
