"""Roles, and who has them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rookery_kit.errors import AlreadyExists, FailedPrecondition, NotFound

from rookery_auth.model.etag import etag_of


class RoleExists(AlreadyExists):
    """There is a role of that name."""

    reason = "ROLE_EXISTS"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a role {name}", role=name)


class RoleNotFound(NotFound):
    """No such role in the caller's tenant."""

    reason = "ROLE_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no role {name}", role=name)


class RoleBuiltIn(FailedPrecondition):
    """The role came with Rookery and cannot be changed."""

    reason = "ROLE_BUILT_IN"

    def __init__(self, name: str) -> None:
        super().__init__(f"the role {name} came with Rookery and cannot be changed", role=name)


class BindingNotFound(NotFound):
    """The role is not bound to the subject."""

    reason = "BINDING_NOT_FOUND"

    def __init__(self, subject: str, role: str) -> None:
        super().__init__(f"the role {role} is not bound to {subject}", subject=subject, role=role)


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions. A built-in one has no times and the revision 0."""

    name: str
    description: str
    permissions: frozenset[str]
    built_in: bool = False
    revision: int = 0
    create_time: datetime | None = None
    update_time: datetime | None = None

    @property
    def etag(self) -> str:
        """Changes with every update; empty for a built-in role."""
        return "" if self.built_in else etag_of(self.revision)


@dataclass(frozen=True, slots=True)
class RoleBinding:
    """Gives a role to a subject, beside those of the credential it uses."""

    subject: str
    role: str
    creator: str
    create_time: datetime


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role that a subject has. `source` says where from: `binding`, `credential` or `token`.

    `scopes` narrow what it permits there; empty: they do not.
    """

    role: str
    source: str
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role that permits something, the permission in it that does, and where the subject has the role from."""

    role: str
    permission: str
    source: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a subject may do something, and why."""

    allowed: bool
    permission: str
    grants: tuple[RoleGrant, ...]
    explanation: str


def narrowed(before: Iterable[str], after: Iterable[str]) -> bool:
    """Whether permissions were taken away, going by their text: `tasks:*` made `*:*` counts as narrowed, too."""
    return not frozenset(before) <= frozenset(after)
