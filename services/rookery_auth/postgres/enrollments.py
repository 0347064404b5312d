"""Enrolment tokens on Postgres."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from asyncpg import Record
from rookery_kit.postgres import Database, Queries

from rookery_auth.model import CredentialInvalid, EnrollmentToken, EnrollmentTokenNotFound, RefreshFamily
from rookery_auth.postgres.refreshes import refresh_family


class PostgresEnrollments:
    """Implements EnrollmentStore. An exchange knows no tenant before it finds its row, so it sees all."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def add(self, token: EnrollmentToken) -> EnrollmentToken:
        """Keeps a token; answers the one already kept under its id, if there is one."""
        async with self._database.transaction(token.tenant) as connection:
            await connection.execute(
                self._queries["add_enrollment_token"],
                token.id,
                token.tenant,
                token.creator,
                list(token.roles),
                json.dumps(dict(token.labels)),
                token.digest,
                token.create_time,
                token.expire_time,
            )
            row = await connection.fetchrow(self._queries["find_enrollment_token"], token.id)
            assert row is not None
            return _enrollment_token(row)

    async def find_enrollment(self, token_id: str) -> EnrollmentToken:
        """The token of an id, used or not. Raises CredentialInvalid."""
        async with self._database.system_transaction() as connection:
            row = await connection.fetchrow(self._queries["find_enrollment_token"], token_id)
        if row is None:
            raise CredentialInvalid
        return _enrollment_token(row)

    async def list(self, tenant: str, before: tuple[datetime, str] | None, limit: int) -> Sequence[EnrollmentToken]:
        """Tokens, newest first."""
        async with self._database.transaction(tenant) as connection:
            rows = await connection.fetch(
                self._queries["list_enrollment_tokens"], tenant, *(before or (None, None)), limit
            )
        return [_enrollment_token(row) for row in rows]

    async def revoke(self, tenant: str, token_id: str) -> EnrollmentToken:
        """Ends a token. Raises EnrollmentTokenNotFound."""
        async with self._database.transaction(tenant) as connection:
            row = await connection.fetchrow(self._queries["revoke_enrollment_token"], tenant, token_id)
        if row is None:
            raise EnrollmentTokenNotFound(token_id)
        return _enrollment_token(row)

    async def redeem(self, token_id: str, digest: bytes, family: RefreshFamily) -> RefreshFamily:
        """Uses a token up and begins the family; a repetition of the same exchange answers what it began."""
        async with self._database.system_transaction() as connection:
            roles = await connection.fetchval(self._queries["use_enrollment_token"], token_id, digest, family.id)
            if roles is not None:
                # One that was deleted since the token was read is not among them.
                identity = replace(family.identity, roles=tuple(roles))
                await connection.execute(
                    self._queries["add_refresh_family"],
                    family.id,
                    identity.tenant,
                    identity.subject,
                    list(identity.roles),
                    json.dumps(dict(identity.labels)),
                    family.generation,
                    family.nonce,
                    family.expire_time,
                )
                return replace(family, identity=identity)
            row = await connection.fetchrow(self._queries["find_family_of_enrollment"], token_id, digest)
        begun = refresh_family(row) if row else None
        if begun is None or begun.revoked or (begun.generation, begun.nonce) != (family.generation, family.nonce):
            raise CredentialInvalid
        return begun


def _enrollment_token(row: Record) -> EnrollmentToken:
    return EnrollmentToken(
        id=str(row["id"]),
        tenant=row["tenant"],
        creator=row["creator"],
        roles=tuple(row["roles"]),
        labels=json.loads(row["labels"]),
        digest=row["digest"],
        create_time=row["create_time"],
        expire_time=row["expire_time"],
        use_time=row["use_time"],
        revoke_time=row["revoke_time"],
    )
