"""What signs tokens."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from rookery_kit.errors import FailedPrecondition


class RotationInProgress(FailedPrecondition):
    """A new signing key waits for its activation."""

    reason = "ROTATION_IN_PROGRESS"

    def __init__(self, kid: str) -> None:
        super().__init__("a new signing key waits for its activation; rotate again after that", kid=kid)


class SigningKeyState(Enum):
    """Where a signing key is in its life; it passes through these in order."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs access tokens from `activate_time` until `retire_time`, and verifies until `expire_time`.

    The private part is only ever encrypted outside the process, and gone once the key has retired.
    """

    kid: str
    public_x: str
    encrypted_private: bytes | None
    create_time: datetime
    activate_time: datetime
    retire_time: datetime | None = None
    expire_time: datetime | None = None

    def state(self, now: datetime) -> SigningKeyState:
        """Where it is at a moment, which is to be the database's."""
        if self.expire_time is not None and self.expire_time <= now:
            return SigningKeyState.RETIRED
        if self.retire_time is not None and self.retire_time <= now:
            return SigningKeyState.RETIRING
        return SigningKeyState.PENDING if self.activate_time > now else SigningKeyState.ACTIVE
