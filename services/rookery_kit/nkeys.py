"""NATS account keys (nkeys): Ed25519 in the letters of NATS, and the JWTs that they sign."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ACCOUNT = 0
_SEED = 18 << 3
_KEY_BYTES = 32
_CHECK_BYTES = 2


class AccountKey:
    """The key of a NATS account. `public` begins with A, `seed`, which is secret, with SA. Equal keys are equal."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = _encode(bytes([_ACCOUNT]) + private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> Self:
        """A new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: str) -> Self:
        """The key of a seed. Raises ValueError when it is none of an account."""
        try:
            raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
        except binascii.Error:
            raise ValueError("not a seed of a NATS account") from None
        body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
        fits = len(body) == _KEY_BYTES + 2 and body[:2] == bytes([_SEED | _ACCOUNT >> 5, (_ACCOUNT & 31) << 3])
        if not fits or check != _checksum(body):
            raise ValueError("not a seed of a NATS account")
        return cls(Ed25519PrivateKey.from_private_bytes(body[2:]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccountKey) and other.public == self.public

    def __hash__(self) -> int:
        return hash(self.public)

    def __repr__(self) -> str:
        return f"AccountKey({self.public})"

    @property
    def seed(self) -> str:
        """The secret."""
        return _encode(bytes([_SEED | _ACCOUNT >> 5, (_ACCOUNT & 31) << 3]) + self._private.private_bytes_raw())

    def sign(self, claims: Mapping[str, Any], issued_at: int) -> str:
        """A JWT of NATS with these claims, issued by this key at a moment, in seconds since the epoch."""
        complete = {**claims, "iss": self.public, "iat": issued_at}
        digest = hashlib.sha512(_json(complete)).digest()[:_KEY_BYTES]
        complete["jti"] = base64.b32encode(digest).decode().rstrip("=")
        head = _url_safe(_json({"typ": "JWT", "alg": "ed25519-nkey"}))
        signed = f"{head}.{_url_safe(_json(complete))}"
        return f"{signed}.{_url_safe(self._private.sign(signed.encode()))}"


def read_claims(token: bytes) -> dict[str, Any]:
    """The claims of a JWT of NATS, unverified: of one that only the server can have sent. Raises ValueError."""
    parts = token.split(b".")
    if len(parts) != 3:
        raise ValueError("not a JWT")
    claims = json.loads(base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)))
    if not isinstance(claims, dict):
        raise ValueError("not a JWT")
    return claims


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _url_safe(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _encode(body: bytes) -> str:
    return base64.b32encode(body + _checksum(body)).decode().rstrip("=")


def _checksum(body: bytes) -> bytes:
    # CRC-16/XMODEM, the low byte first.
    return binascii.crc_hqx(body, 0).to_bytes(_CHECK_BYTES, "little")
