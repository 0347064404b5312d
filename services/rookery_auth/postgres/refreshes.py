"""Families of refresh tokens on Postgres."""

import json
from datetime import datetime

from asyncpg import Record
from rookery_kit.identity_feed import RevocationKind
from rookery_kit.postgres import Connection, Database, Queries

from rookery_auth.model import CredentialInvalid, Identity, RefreshFamily, RefreshTokenReused, Revocation
from rookery_auth.postgres.revocations import PostgresRevocations


class PostgresRefreshes:
    """Implements RefreshStore. An exchange knows no tenant before it finds its row, so it sees all."""

    def __init__(self, database: Database, queries: Queries, revocations: PostgresRevocations) -> None:
        self._database = database
        self._queries = queries
        self._revocations = revocations

    async def find(self, family_id: str) -> RefreshFamily:
        """A family, in force or not. Raises CredentialInvalid when it is unknown."""
        async with self._database.system_statement() as connection:
            row = await connection.fetchrow(self._queries["find_refresh_family"], family_id)
        if row is None:
            raise CredentialInvalid
        return refresh_family(row)

    async def rotate(self, family_id: str, generation: int, nonce: str, tokens_expire: datetime) -> RefreshFamily:
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
            revoked = await self._revoke(connection, family.identity.tenant, family_id, tokens_expire)
        # Raised after the commit: the revocation must stand.
        await self._revocations.committed([revoked])
        raise RefreshTokenReused(family)

    async def revoke(self, tenant: str, family_id: str, tokens_expire: datetime) -> bool:
        """Revokes a family of a tenant, and announces that all it has earned is refused."""
        async with self._database.transaction(tenant) as connection:
            # Row-level security hides what is another tenant's.
            found = await connection.fetchrow(self._queries["find_refresh_family"], family_id)
            if found is None:
                return False
            revoked = await self._revoke(connection, tenant, family_id, tokens_expire)
        await self._revocations.committed([revoked])
        return True

    async def revoke_subject(self, tenant: str, subject: str, tokens_expire: datetime) -> None:
        """Revokes every family of a subject, and announces that all they have earned is refused."""
        async with self._database.transaction(tenant) as connection:
            families = await connection.fetch(self._queries["revoke_refresh_families_of_subject"], tenant, subject)
            revoked = [await self._announce(connection, tenant, str(row["id"]), tokens_expire) for row in families]
        await self._revocations.committed(revoked)

    async def _revoke(self, connection: Connection, tenant: str, family_id: str, tokens_expire: datetime) -> Revocation:
        await connection.execute(self._queries["revoke_refresh_family"], family_id)
        return await self._announce(connection, tenant, family_id, tokens_expire)

    async def _announce(
        self, connection: Connection, tenant: str, family_id: str, tokens_expire: datetime
    ) -> Revocation:
        session = Revocation(RevocationKind.SESSION, tenant, family_id, tokens_expire, tokens_expire)
        return await self._revocations.announce(connection, session)


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
