"""Families of refresh tokens on Postgres."""

import json

from asyncpg import Record
from rookery_kit.postgres import Database, Queries

from rookery_auth.model import CredentialInvalid, Identity, RefreshFamily, RefreshTokenReused


class PostgresRefreshes:
    """Implements RefreshStore. An exchange knows no tenant before it finds its row, so it sees all."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def rotate(self, family_id: str, generation: int, nonce: str) -> RefreshFamily:
        """Moves a family on, answers a repetition, or revokes the family of a reused token."""
        async with self._database.system_transaction() as connection:
            row = await connection.fetchrow(self._queries["lock_refresh_family"], family_id)
            family = refresh_family(row) if row else None
            if family is None or family.revoked:
                raise CredentialInvalid
            if family.generation == generation:
                moved = await connection.fetchrow(self._queries["move_refresh_family"], family_id, nonce)
                assert moved is not None
                return refresh_family(moved)
            if (family.generation, family.nonce) == (generation + 1, nonce):
                return family
            await connection.execute(self._queries["revoke_refresh_family"], family_id)
        # Raised after the commit: the revocation must stand.
        raise RefreshTokenReused


def refresh_family(row: Record) -> RefreshFamily:
    """The family of a row."""
    return RefreshFamily(
        id=str(row["id"]),
        identity=Identity(row["subject"], row["tenant"], tuple(row["roles"]), json.loads(row["labels"])),
        generation=row["generation"],
        nonce=row["nonce"],
        expire_time=row["expire_time"],
        revoked=row["revoke_time"] is not None,
    )
