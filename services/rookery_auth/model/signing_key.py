"""What signs tokens."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs access tokens; the private part only ever encrypted outside the process."""

    kid: str
    public_x: str
    encrypted_private: bytes
    create_time: datetime
