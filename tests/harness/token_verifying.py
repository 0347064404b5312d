"""A verifier of access tokens with a clock and keys that a test holds, and tokens for it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from rookery_kit.access_token import TokenVerifier
from rookery_kit.errors import Unavailable
from rookery_kit.identity_feed import Admission

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ISSUER, AUDIENCE = "https://auth.example", "rookery"
KEY = Ed25519PrivateKey.generate()
HEADERS = {"kid": "one", "typ": "at+jwt"}
ISSUED_AT = int(NOW.timestamp())
CLAIMS = {
    "iss": ISSUER,
    "sub": "agent:0190a0b0-0000-7000-8000-000000000001",
    "aud": AUDIENCE,
    "iat": ISSUED_AT,
    "exp": ISSUED_AT + 600,
    "jti": "token-1",
    "tenant": "acme",
    "roles": ["agent"],
    "scope": "tasks:work messages:send",
    "labels": {"team": "blue", "area": "docs"},
}


class SteppedClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def now(self) -> datetime:
        return NOW + self.passed

    def monotonic(self) -> float:
        return self.passed.total_seconds()


class Keys:
    """The published keys; counts how often they are asked for, and may be away."""

    def __init__(self, **keys: Ed25519PrivateKey) -> None:
        self.published = keys
        self.asked = 0
        self.away = False

    async def fetch(self) -> Mapping[str, Ed25519PublicKey]:
        self.asked += 1
        if self.away:
            raise Unavailable("auth does not answer")
        return {kid: key.public_key() for kid, key in self.published.items()}


async def verifier(
    clock: SteppedClock | None = None, keys: Keys | None = None, admission: Admission | None = None
) -> TokenVerifier:
    clock = clock or SteppedClock()
    made = TokenVerifier(
        issuer=ISSUER,
        audience=AUDIENCE,
        clock=clock,
        admission=admission or Admission(clock, stale_after=300),
        fetch_keys=(keys or Keys(one=KEY)).fetch,
    )
    await made.refresh()
    return made


def sign(claims: Mapping[str, Any] = CLAIMS, headers: Mapping[str, Any] = HEADERS) -> str:
    return jwt.encode(dict(claims), KEY, algorithm="EdDSA", headers=dict(headers))
