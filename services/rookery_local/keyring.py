"""The secrets of one suite: made at the first start, kept for good."""

import base64
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rookery_kit.nkeys import AccountKey

from rookery_local.data_folder import DataFolder
from rookery_local.embedded_nats import CALLOUT_USER, SYSTEM_USER
from rookery_local.errors import CannotStart
from rookery_local.ports import SERVICES
from rookery_local.private_file import write_private

# For the person at the machine: the user in the address of NATS that `context.json` names.
OPERATOR_USER = "operator"
_MASTER_KEY_BYTES = 32
_PASSWORD_BYTES = 24


@dataclass(frozen=True, slots=True)
class Keyring:
    """The passwords by service (Postgres) and by user (NATS), and the file that keeps the former.

    `nats_callout` is the key with which auth answers NATS; its file holds the seed.
    """

    postgres_roles: Mapping[str, str]
    nats_users: Mapping[str, str]
    nats_callout: AccountKey
    postgres_roles_file: Path

    @classmethod
    def open(cls, folder: DataFolder) -> Self:
        """Reads the secrets and makes those that are missing, each file with mode 0600.

        Raises CannotStart when a file is there but is not what it should be: no secret is replaced unasked.
        """
        folder.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
        roles_file = folder.secrets / "postgres-roles.json"
        roles = _passwords(roles_file, SERVICES)
        users = _passwords(folder.secrets / "nats-users.json", (*SERVICES, OPERATOR_USER, SYSTEM_USER, CALLOUT_USER))
        _require_master_key(folder.master_key)
        return cls(roles, users, _callout_key(folder.nats_callout_seed), roles_file)


def _passwords(file: Path, names: Iterable[str]) -> dict[str, str]:
    try:
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except ValueError:
        known = None
    if not (isinstance(known, dict) and all(isinstance(value, str) for value in known.values())):
        raise CannotStart(f"{file} is damaged: it should be a JSON object of passwords")
    complete = known | {name: secrets.token_hex(_PASSWORD_BYTES) for name in names if name not in known}
    if complete != known:
        write_private(file, json.dumps(complete, indent=2) + "\n", durable=True)
    return complete


def _callout_key(file: Path) -> AccountKey:
    if not file.exists():
        key = AccountKey.generate()
        write_private(file, key.seed + "\n", durable=True)
        return key
    try:
        return AccountKey.from_seed(file.read_text(encoding="ascii").strip())
    except ValueError:
        raise CannotStart(f"{file} is damaged: it should be the seed of a NATS account") from None


def _require_master_key(file: Path) -> None:
    if not file.exists():
        key = base64.b64encode(secrets.token_bytes(_MASTER_KEY_BYTES)).decode()
        write_private(file, key + "\n", durable=True)
        return
    try:
        fits = len(base64.b64decode(file.read_text(encoding="ascii").strip(), validate=True)) == _MASTER_KEY_BYTES
    except ValueError:
        fits = False
    if not fits:
        raise CannotStart(f"{file} is damaged: it should be {_MASTER_KEY_BYTES} bytes in base64")
