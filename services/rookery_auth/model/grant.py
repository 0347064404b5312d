"""What an access token says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rookery_kit.errors import PermissionDenied


class DelegationRefused(PermissionDenied):
    """The delegation names another actor, crosses tenants, is too deep, or leaves nothing that both may do."""

    reason = "DELEGATION_REFUSED"


@dataclass(frozen=True, slots=True)
class Grant:
    """What an access token says.

    `session_ids` are what it is issued through; `rate` is the limit of the first of them, None for none. `actors` act
    for the subject, the nearest first. It bears the present time, but none before `not_before`, and one after
    `revoked_until`; it expires at `expire_time` at the latest. With `may_act` it is no access token:
    it lets that subject act.
    """

    subject: str
    tenant: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    labels: Mapping[str, str] = field(default_factory=dict)
    session_ids: tuple[str, ...] = ()
    rate: int | None = None
    actors: tuple[str, ...] = ()
    may_act: str = ""
    not_before: datetime | None = None
    revoked_until: datetime | None = None
    expire_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token as it is handed out; `text` is secret."""

    text: str = field(repr=False)
    token_id: str
    expire_time: datetime
