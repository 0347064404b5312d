"""The first start: a signing key, and one administrator."""

import asyncio
import os
from pathlib import Path

from rookery_kit.clock import Clock, new_id
from rookery_kit.errors import CannotStart

from rookery_auth.credential import API_KEY_PREFIX, CredentialMint
from rookery_auth.master_key import MasterKey
from rookery_auth.model import ApiKey, SigningKey
from rookery_auth.signing import new_signing_key
from rookery_auth.store import BootstrapStore

FIRST_TENANT = "default"
ADMINISTRATOR = "user:admin"


async def bootstrap(
    store: BootstrapStore, master_key: MasterKey, mint: CredentialMint, clock: Clock, credential_file: Path
) -> tuple[SigningKey, ...]:
    """Creates what is missing and answers the signing keys.

    The administrator's API key is written to `credential_file`, 0600, whenever that file is not there: who holds the
    master key may always make it anew. Raises CannotStart when it cannot be written.
    """
    now = clock.now()
    key_id = new_id()
    candidate = ApiKey(
        id=key_id,
        tenant=FIRST_TENANT,
        subject=ADMINISTRATOR,
        roles=("admin",),
        digest=mint.digest(mint.mint(API_KEY_PREFIX, key_id)),
        create_time=now,
        expire_time=None,
    )
    keys, administrator = await store.bootstrap(new_signing_key(master_key, now), candidate)
    secret = mint.mint(API_KEY_PREFIX, administrator.id)
    if not mint.matches(secret, administrator.digest):
        raise CannotStart("the master key is not the one with which this installation was created")
    await asyncio.to_thread(_write_private, credential_file, secret + "\n")
    return keys


def _write_private(path: Path, text: str) -> None:
    if path.exists():
        return
    partial = path.with_name(path.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise CannotStart(f"the administrator's credential cannot be written to {path}: {error.strerror}") from None
