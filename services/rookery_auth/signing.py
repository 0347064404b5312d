"""Signing access tokens (RFC 9068, RFC 8037) and delegation tokens."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from rookery_kit.access_token import ALGORITHM, TOKEN_TYPE
from rookery_kit.clock import new_id

from rookery_auth.master_key import MasterKey
from rookery_auth.model import Grant, SignedToken, SigningKey

DELEGATION_TYPE = "delegation+jwt"
_CONTEXT = b"signing key "
_NEXT_MOMENT = timedelta(microseconds=1)


def new_signing_key(master_key: MasterKey, now: datetime) -> SigningKey:
    """A fresh key that signs from now on, its private part sealed. The key id is the beginning of its hash."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    kid = hashlib.sha256(public).hexdigest()[:16]
    return SigningKey(
        kid=kid,
        public_x=base64.urlsafe_b64encode(public).decode().rstrip("="),
        encrypted_private=seal_private_key(kid, private, master_key),
        create_time=now,
        activate_time=now,
    )


def seal_private_key(kid: str, private: Ed25519PrivateKey, master_key: MasterKey) -> bytes:
    """The private part of a key, as it is stored."""
    raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return master_key.seal(raw, _CONTEXT + kid.encode())


def open_private_key(key: SigningKey, master_key: MasterKey) -> Ed25519PrivateKey:
    """The private part of a key that still has one. Raises CannotStart when it was sealed with another master key."""
    assert key.encrypted_private is not None
    return Ed25519PrivateKey.from_private_bytes(master_key.open(key.encrypted_private, _CONTEXT + key.kid.encode()))


class TokenSigner:
    """Signs with the key that `signing_key` answers: its id and its private part."""

    def __init__(
        self,
        signing_key: Callable[[], tuple[str, Ed25519PrivateKey]],
        *,
        issuer: str,
        audience: str,
        lifetime: timedelta,
    ) -> None:
        self._signing_key = signing_key
        self._issuer = issuer
        self._audience = audience
        self._lifetime = lifetime

    def sign(self, grant: Grant) -> SignedToken:
        """A token that says what the grant says."""
        issued, expires = grant.issue_time, grant.issue_time + self._lifetime
        if grant.revoked_until is not None:
            # At the most two seconds ahead, within the leeway of every verifier.
            issued = max(issued, grant.revoked_until + _NEXT_MOMENT)
        if grant.expire_time is not None:
            expires = min(expires, grant.expire_time)
        token_id = new_id()
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": grant.subject,
            "aud": self._audience,
            "iat": issued.timestamp(),
            "exp": int(expires.timestamp()),
            "jti": token_id,
            "tenant": grant.tenant,
            "roles": list(grant.roles),
            "scope": " ".join(sorted(grant.permissions)),
            "sid": list(grant.session_ids),
        }
        if grant.labels:
            claims["labels"] = dict(grant.labels)
        if grant.rate:
            claims["rate"] = grant.rate
        if grant.actors:
            claims["act"] = _nested(grant.actors)
        if grant.may_act:
            claims["may_act"] = {"sub": grant.may_act}
        kid, private = self._signing_key()
        headers = {"kid": kid, "typ": DELEGATION_TYPE if grant.may_act else TOKEN_TYPE}
        text = jwt.encode(claims, private, algorithm=ALGORITHM, headers=headers)
        return SignedToken(text, token_id, expires)


def _nested(actors: Sequence[str]) -> dict[str, Any]:
    act: dict[str, Any] = {}
    for actor in reversed(actors):
        act = {"sub": actor, "act": act} if act else {"sub": actor}
    return act
