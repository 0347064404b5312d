"""The first start: a signing key, and one administrator."""

import asyncio
import os
from datetime import datetime
from pathlib import Path

import structlog
from rookery_kit.clock import Clock, new_id
from rookery_kit.errors import CannotStart
from rookery_kit.identity import FIRST_TENANT

from rookery_auth.credential import API_KEY_PREFIX, CredentialMint
from rookery_auth.master_key import MasterKey
from rookery_auth.model import ApiKey
from rookery_auth.signing import new_signing_key
from rookery_auth.store import BootstrapStore

ADMINISTRATOR = "user:admin"
_CREATOR = "service:auth"
_log = structlog.get_logger(__name__)


async def bootstrap(
    store: BootstrapStore, master_key: MasterKey, mint: CredentialMint, clock: Clock, credential_file: Path
) -> None:
    """Creates what is missing.

    The administrator's API key is written to `credential_file`, 0600, whenever that file is not there: who holds the
    master key may always make it anew. One that was revoked is not made good by that; see `recover`.
    Raises CannotStart when the file cannot be written.
    """
    candidate = administrator_key(mint, clock.now())
    administrator = await store.bootstrap(new_signing_key(master_key, clock.now()), candidate)
    secret = mint.mint(API_KEY_PREFIX, administrator.id, administrator.nonce)
    if not mint.matches(secret, administrator.digest):
        raise CannotStart("the master key is not the one with which this installation was created")
    if administrator.ended(clock.now()):
        _log.warning("the administrator's API key is ended", api_key=administrator.id)
        return
    await asyncio.to_thread(_write_where_missing, credential_file, secret)


async def recover(store: BootstrapStore, mint: CredentialMint, clock: Clock, credential_file: Path) -> ApiKey:
    """Creates another administrator's key and writes its secret to `credential_file`, 0600, whatever was there.

    Raises CannotStart when it cannot be written, having created nothing.
    """
    administrator = administrator_key(mint, clock.now())
    partial = await asyncio.to_thread(
        _write_partial, credential_file, mint.mint(API_KEY_PREFIX, administrator.id, administrator.nonce)
    )
    await store.add_administrator(administrator)
    await asyncio.to_thread(partial.replace, credential_file)
    return administrator


def administrator_key(mint: CredentialMint, now: datetime) -> ApiKey:
    """A new API key for the administrator of the first tenant."""
    key_id = new_id()
    return ApiKey(
        id=key_id,
        tenant=FIRST_TENANT,
        subject=ADMINISTRATOR,
        roles=("admin",),
        digest=mint.digest(mint.mint(API_KEY_PREFIX, key_id)),
        create_time=now,
        expire_time=None,
        display_name="administrator",
        creator=_CREATOR,
    )


def _write_where_missing(path: Path, secret: str) -> None:
    if not path.exists():
        _write_partial(path, secret).replace(path)


def _write_partial(path: Path, secret: str) -> Path:
    """Writes a secret beside where it is to be, for its owner alone, and answers where. Raises CannotStart."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secret + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CannotStart(f"the administrator's credential cannot be written to {path}: {error.strerror}") from None
    return partial
