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
    for the subject, the nearest first. It bears `issue_time`, which is before what it says was looked up, or the moment
    after `revoked_until`, if that is later; it expires at `expire_time` at the latest. With `may_act` it is no access
    token: it lets that subject act.
    """

    subject: str
    tenant: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    issue_time: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    session_ids: tuple[str, ...] = ()
    rate: int | None = None
    actors: tuple[str, ...] = ()
    may_act: str = ""
    revoked_until: datetime | None = None
    expire_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token as it is handed out; `text` is secret."""

    text: str = field(repr=False)
    token_id: str
    expire_time: datetime
