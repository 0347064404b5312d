"""Makes a new API key for the administrator, where the old one is lost or revoked.

It takes what only the operator has: the master key and access to the database. Auth may run meanwhile.
"""

import argparse
from collections.abc import Sequence

from rookery_kit.clock import SystemClock

from rookery_auth.credential import CredentialMint
from rookery_auth.offline import finish, master_key, opened, parser
from rookery_auth.postgres import PostgresBootstrap, PostgresSigningKeys
from rookery_auth.service.bootstrap import recover
from rookery_auth.signing import open_private_key


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command."""
    finish(_recover(parser("recover", __doc__).parse_args(arguments)))


async def _recover(asked: argparse.Namespace) -> str:
    key = master_key(asked)
    async with opened(asked.database_url) as tables:
        for each in (await PostgresSigningKeys(*tables).list_in_use())[0]:
            if each.encrypted_private is not None:
                # What another master key makes would open nothing.
                open_private_key(each, key)
        made = await recover(PostgresBootstrap(*tables), CredentialMint(key), SystemClock(), asked.credential_file)
    return f"a new API key of {made.subject}, {made.id}, is in {asked.credential_file}"


if __name__ == "__main__":
    main()
