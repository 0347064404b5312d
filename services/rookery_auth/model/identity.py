"""Who a credential speaks for."""

from collections.abc import Mapping
from dataclasses import dataclass

from rookery_kit.errors import InvalidArgument


class RoleUnknown(InvalidArgument):
    """A role was named that does not exist."""

    def __init__(self, role: str) -> None:
        text = f"there is no role {role!r}"
        super().__init__(text, (("roles", text),))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a credential speaks for. `subject` is `agent:<uuid>` or `user:<name>`."""

    subject: str
    tenant: str
    roles: tuple[str, ...]
    labels: Mapping[str, str]
