"""What an exchange gives."""

from dataclasses import dataclass
from datetime import datetime

from rookery_auth.model.identity import Identity


@dataclass(frozen=True, slots=True)
class TokenSet:
    """What an exchange gives. The refresh token is empty where the credential is itself lasting."""

    access_token: str
    access_expire_time: datetime
    refresh_token: str
    refresh_expire_time: datetime | None
    identity: Identity
