"""Tokens that are refused before their time."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from rookery_kit.identity_feed import Revocation as KnownRevocation
from rookery_kit.identity_feed import RevocationKind

_NAMESPACE = UUID("0c7b4a52-8d3f-5e61-9a0e-6c1d2f7b9e34")


@dataclass(frozen=True, slots=True)
class Revocation:
    """Refuses the tokens of a target issued at `revoke_time` or before; after `expire_time` no such token is left.

    `target` is a token id, a session id (a refresh family's or an API key's), a subject or a role.
    """

    kind: RevocationKind
    tenant: str
    target: str
    revoke_time: datetime
    expire_time: datetime

    @property
    def id(self) -> str:
        """The same for the same kind and target."""
        return str(uuid5(_NAMESPACE, f"{self.tenant}/{self.kind.value}/{self.target}"))

    @property
    def known(self) -> KnownRevocation:
        """As services know it."""
        revoke_time, expire_time = self.revoke_time.timestamp(), self.expire_time.timestamp()
        return KnownRevocation(self.tenant, self.kind, self.target, revoke_time, expire_time)
