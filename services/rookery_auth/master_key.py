"""The master key: the one secret that is not in the database, from which every other is derived."""

import base64
import binascii
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr
from rookery_kit.errors import CannotStart

KEY_BYTES = 32
_NONCE_BYTES = 12
_DISTINCT_BYTES = 12


class MasterKey:
    """Derives keys for single purposes (HKDF, RFC 5869) and seals what is stored (AES-256-GCM)."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._sealing = AESGCM(self.derive(b"sealing"))

    def derive(self, purpose: bytes) -> bytes:
        """A key of 32 bytes for one purpose."""
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"rookery/" + purpose).derive(self._key)

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Encrypts; only the same context opens it again."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._sealing.encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypts. Raises CannotStart when this is not the key that sealed it."""
        try:
            return self._sealing.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except InvalidTag:
            raise CannotStart("the master key is not the one with which this installation was created") from None


def master_key_of(path: Path | None, text: SecretStr | None) -> MasterKey:
    """The key in a file, or the one given as text. Raises CannotStart unless one of the two is given, and strong."""
    if path is not None and text is not None:
        raise CannotStart("give the master key either as a file (master_key_file) or as text (master_key), not as both")
    if path is not None:
        return read_master_key(path)
    if text is not None:
        return _strong(text.get_secret_value(), "the master key in master_key")
    raise CannotStart("there is no master key: set master_key_file, or master_key, to 32 random bytes in base64")


def read_master_key(path: Path) -> MasterKey:
    """The key in a file. Raises CannotStart when it is missing, weak, or readable by others."""
    return _strong(_read_private(path), f"the master key in {path}")


def _read_private(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise CannotStart(
            f"the master key file {path} cannot be read: create it with 32 random bytes in base64"
        ) from None
    if mode & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH):
        raise CannotStart(f"the master key file {path} is open to others: chmod 600 it")
    return text


def _strong(text: str, name: str) -> MasterKey:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise CannotStart(f"{name} is not base64") from None
    if len(key) != KEY_BYTES or len(set(key)) < _DISTINCT_BYTES:
        raise CannotStart(f"{name} is weak: it must be {KEY_BYTES} random bytes in base64")
    return MasterKey(key)
