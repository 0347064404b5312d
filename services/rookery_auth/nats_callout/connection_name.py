"""Who is behind a connection, written into its name, where the server keeps it for whoever looks after it."""

import json
from dataclasses import asdict, dataclass
from typing import Self

from rookery_kit.identity import Principal


@dataclass(frozen=True, slots=True)
class ConnectedToken:
    """What of a token decides whether it is accepted; times in seconds since the epoch."""

    sub: str
    tenant: str
    jti: str
    iat: float
    sessions: tuple[str, ...]
    actors: tuple[str, ...]
    roles: tuple[str, ...]
    key_id: str

    @classmethod
    def of(cls, principal: Principal) -> Self:
        """That of a principal."""
        return cls(
            principal.subject,
            principal.tenant,
            principal.token_id,
            principal.issued_at,
            principal.session_ids,
            principal.actors,
            principal.roles,
            principal.key_id,
        )

    @classmethod
    def read(cls, name: str) -> Self | None:
        """What a name says; None: it is not one of ours."""
        try:
            said = json.loads(name)
            lists = {key: tuple(said[key]) for key in ("sessions", "actors", "roles")}
            # Names of a version before say nothing of the key.
            return cls(**{"key_id": "", **said, **lists})
        except (ValueError, TypeError, KeyError):
            return None

    def written(self) -> str:
        """The name."""
        return json.dumps(asdict(self), separators=(",", ":"))
