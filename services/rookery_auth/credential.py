"""Credentials: high-entropy secrets that are found by an id which is not secret, and that nobody stores.

A credential reads `<prefix><id, 32 hex digits>.<nonce>.<secret>`. The secret is a keyed hash, under the master key, of
what stands before it, so a repeated request can be answered with the same credential. What is stored of a lasting one
is a second keyed hash, compared in constant time.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from uuid import UUID

from rookery_auth.master_key import MasterKey
from rookery_auth.model import CredentialInvalid

ENROLLMENT_PREFIX = "rke_"
API_KEY_PREFIX = "rkk_"
REFRESH_PREFIX = "rkr_"

_FORM = re.compile(
    r"(?P<prefix>rk[ekr]_)(?P<id>[0-9a-f]{32})\.(?P<nonce>[0-9a-f-]{1,64})\.(?P<secret>[A-Za-z0-9_-]{43})"
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential taken apart. `text` is the whole, and secret."""

    id: str
    nonce: str
    text: str


class CredentialMint:
    """Makes credentials and recognises its own."""

    def __init__(self, master_key: MasterKey) -> None:
        self._derivation_key = master_key.derive(b"credential derivation")
        self._digest_key = master_key.derive(b"credential digest")

    def mint(self, prefix: str, credential_id: str, nonce: str = "0") -> str:
        """The credential of an id and a nonce (hex digits and dashes): always the same one."""
        head = f"{prefix}{UUID(credential_id).hex}.{nonce}"
        secret = hmac.digest(self._derivation_key, head.encode(), hashlib.sha256)
        return f"{head}.{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"

    def parse(self, prefix: str, text: str) -> Credential:
        """Takes a credential apart. Raises CredentialInvalid unless this mint made it."""
        match = _FORM.fullmatch(text)
        if match is None or match["prefix"] != prefix:
            raise CredentialInvalid
        credential_id = str(UUID(hex=match["id"]))
        if not hmac.compare_digest(self.mint(prefix, credential_id, match["nonce"]), text):
            raise CredentialInvalid
        return Credential(credential_id, match["nonce"], text)

    def digest(self, text: str) -> bytes:
        """What is stored of a lasting credential."""
        return hmac.digest(self._digest_key, text.encode(), hashlib.sha256)

    def matches(self, text: str, digest: bytes) -> bool:
        """Whether a credential is the one of a stored digest, in constant time."""
        return hmac.compare_digest(self.digest(text), digest)
