"""Signing access tokens (RFC 9068, RFC 8037)."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from rookery_kit.access_token import ALGORITHM, TOKEN_TYPE, public_key
from rookery_kit.clock import Clock, new_id

from rookery_auth.master_key import MasterKey
from rookery_auth.model import Identity, SigningKey

_CONTEXT = b"signing key "


def new_signing_key(master_key: MasterKey, now: datetime) -> SigningKey:
    """A fresh key, its private part sealed. The key id is the beginning of the public key's hash."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    kid = hashlib.sha256(public).hexdigest()[:16]
    raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return SigningKey(
        kid=kid,
        public_x=base64.urlsafe_b64encode(public).decode().rstrip("="),
        encrypted_private=master_key.seal(raw, _CONTEXT + kid.encode()),
        create_time=now,
    )


class TokenSigner:
    """Signs with the newest key and offers the public part of all."""

    def __init__(
        self,
        keys: tuple[SigningKey, ...],
        master_key: MasterKey,
        *,
        issuer: str,
        audience: str,
        lifetime: timedelta,
        clock: Clock,
    ) -> None:
        self.keys = keys
        self._active = max(keys, key=lambda key: key.create_time)
        raw = master_key.open(self._active.encrypted_private, _CONTEXT + self._active.kid.encode())
        self._private = Ed25519PrivateKey.from_private_bytes(raw)
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime
        self._clock = clock

    async def public_keys(self) -> Mapping[str, Ed25519PublicKey]:
        """The keys that verify what this signer, or one before a rotation, has signed."""
        return {key.kid: public_key(key.public_x) for key in self.keys}

    def sign(self, identity: Identity, permissions: frozenset[str]) -> tuple[str, datetime]:
        """An access token and the moment it expires."""
        now = self._clock.now().replace(microsecond=0)
        expires = now + self._lifetime
        claims = {
            "iss": self._issuer,
            "sub": identity.subject,
            "aud": self._audience,
            "iat": int(now.timestamp()),
            "exp": int(expires.timestamp()),
            "jti": new_id(),
            "tenant": identity.tenant,
            "roles": list(identity.roles),
            "scope": " ".join(sorted(permissions)),
        }
        if identity.labels:
            claims["labels"] = dict(identity.labels)
        headers = {"kid": self._active.kid, "typ": TOKEN_TYPE}
        return jwt.encode(claims, self._private, algorithm=ALGORITHM, headers=headers), expires
