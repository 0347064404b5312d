"""Lasting credentials of external clients."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from rookery_kit.errors import FailedPrecondition, NotFound

_REPEATABLE = timedelta(days=1)


class ApiKeyNotFound(NotFound):
    """No such API key in the caller's tenant."""

    reason = "API_KEY_NOT_FOUND"

    def __init__(self, key_id: str) -> None:
        super().__init__("there is no such API key", api_key_id=key_id)


class ApiKeyEnded(FailedPrecondition):
    """The API key is revoked or has expired."""

    reason = "API_KEY_ENDED"

    def __init__(self, key_id: str) -> None:
        super().__init__("the API key is revoked or has expired", api_key_id=key_id)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A lasting credential. Its tokens carry `roles` beside those bound to the subject, narrowed by `scopes`, if any.

    `generation` counts its secrets from 1. `nonce` went into the present one, so that the master key can make it
    anew; the one before is good until `previous_expire_time`. 0 for `requests_per_second` means no limit of its own.
    """

    id: str
    tenant: str
    subject: str
    roles: tuple[str, ...]
    digest: bytes
    create_time: datetime
    expire_time: datetime | None
    display_name: str = ""
    creator: str = ""
    scopes: tuple[str, ...] = ()
    requests_per_second: int = 0
    generation: int = 1
    nonce: str = "0"
    rotate_time: datetime | None = None
    previous_digest: bytes | None = None
    previous_expire_time: datetime | None = None
    last_use_time: datetime | None = None
    revoke_time: datetime | None = None

    def ended(self, now: datetime) -> bool:
        """Whether it is revoked or has expired."""
        return self.revoke_time is not None or (self.expire_time is not None and self.expire_time <= now)

    def may_repeat_secret(self, generation: int, now: datetime) -> bool:
        """Whether the secret of a generation may be told once more to a repetition of the request that made it.

        For a day, while it is the present one: who finds an old request_id must not come by a secret.
        """
        made = self.rotate_time or self.create_time
        return self.generation == generation and not self.ended(now) and now < made + _REPEATABLE
