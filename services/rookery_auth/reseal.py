"""Turns the master key while auth is stopped: seals the signing keys anew, and makes the administrator a new API key.

Every other credential was derived from the old master key, and is no good afterwards. May be repeated. Refuses while
auth runs.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rookery_kit.clock import SystemClock
from rookery_kit.errors import CannotStart

from rookery_auth.credential import CredentialMint
from rookery_auth.master_key import MasterKey, read_master_key
from rookery_auth.model import SigningKey
from rookery_auth.offline import finish, master_key, opened, parser
from rookery_auth.postgres import PostgresBootstrap, PostgresSigningKeys, no_service_running
from rookery_auth.service.bootstrap import recover
from rookery_auth.signing import open_private_key, seal_private_key


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command."""
    options = parser("reseal", __doc__)
    options.add_argument("--new-master-key-file", type=Path, required=True, help="the master key to be")
    finish(_reseal(options.parse_args(arguments)))


async def _reseal(asked: argparse.Namespace) -> str:
    old, new = master_key(asked), read_master_key(asked.new_master_key_file)
    async with no_service_running(asked.database_url), opened(asked.database_url) as tables:
        keys = PostgresSigningKeys(*tables)
        in_use, _ = await keys.list_in_use()
        await keys.reseal(
            {each.kid: _resealed(each, old, new) for each in in_use if each.encrypted_private is not None}
        )
        made = await recover(PostgresBootstrap(*tables), CredentialMint(new), SystemClock(), asked.credential_file)
    return (
        f"the signing keys are sealed anew; a new API key of {made.subject}, {made.id}, is in {asked.credential_file}"
    )


def _resealed(key: SigningKey, old: MasterKey, new: MasterKey) -> bytes:
    try:
        private = open_private_key(key, old)
    except CannotStart:
        # Done before, by a run that was cut off afterwards.
        private = open_private_key(key, new)
    return seal_private_key(key.kid, private, new)


if __name__ == "__main__":
    main()
