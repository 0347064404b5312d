"""Which tokens are refused although their signature and times are good."""

from dataclasses import dataclass
from enum import Enum

from rookery_kit.identity import Principal


class RevocationKind(Enum):
    """What a revocation is about."""

    TOKEN = "token"  # noqa: S105 -- a kind of revocation
    SESSION = "session"
    SUBJECT = "subject"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class Revocation:
    """Refuses the tokens of a target issued at `revoke_time` or before; both times in seconds since the epoch.

    `target` is a token id, a session id, a subject or a role. After `expire_time` no such token is left.
    """

    tenant: str
    kind: RevocationKind
    target: str
    revoke_time: float
    expire_time: float


_Key = tuple[RevocationKind, str, str]


class Revocations:
    """All revocations in force. Holds one for each target: the latest. `changes` counts those that were taken in."""

    def __init__(self) -> None:
        self.changes = 0
        self._in_force: dict[_Key, Revocation] = {}

    def __len__(self) -> int:
        return len(self._in_force)

    def apply(self, revocation: Revocation) -> None:
        """Takes note of a revocation, unless a later one of the same target is known."""
        key = (revocation.kind, revocation.tenant, revocation.target)
        known = self._in_force.get(key)
        if known is None or known.revoke_time < revocation.revoke_time:
            self._in_force[key] = revocation
            self.changes += 1

    def forget_expired(self, now: float) -> None:
        """Drops those whose tokens have all expired."""
        for key, revocation in list(self._in_force.items()):
            if revocation.expire_time <= now:
                del self._in_force[key]

    def revokes(self, principal: Principal) -> bool:
        """Whether the token behind a principal is refused."""
        in_force = self._in_force
        if not in_force:
            return False
        for key in _keys(principal):
            found = in_force.get(key)
            if found is not None and principal.issued_at <= found.revoke_time:
                return True
        return False


def _keys(principal: Principal) -> list[_Key]:
    """Everything by whose revocation the token falls. Who acts for another falls with either's subject."""
    tenant = principal.tenant
    keys = [(RevocationKind.TOKEN, tenant, principal.token_id), (RevocationKind.SUBJECT, tenant, principal.subject)]
    keys += [(RevocationKind.SESSION, tenant, session) for session in principal.session_ids]
    keys += [(RevocationKind.SUBJECT, tenant, actor) for actor in principal.actors]
    keys += [(RevocationKind.ROLE, tenant, role) for role in principal.roles]
    return keys
