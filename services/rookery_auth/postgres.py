"""The store of auth, on Postgres."""

import json

from asyncpg import Record
from rookery_kit.postgres import Database, Queries

from rookery_auth.model import (
    ApiKey,
    CredentialInvalid,
    EnrollmentToken,
    Identity,
    RefreshFamily,
    RefreshTokenReused,
    SigningKey,
)


class PostgresAuthStore:
    """Implements AuthStore. Exchanges find their row by id before the tenant is known, so they see all tenants."""

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

    async def redeem(self, token_id: str, digest: bytes, family: RefreshFamily) -> RefreshFamily:
        """Uses a token up and begins the family; a repetition of the same exchange answers what it began."""
        identity = family.identity
        async with self._database.system_transaction() as connection:
            if await connection.fetchval(self._queries["use_enrollment_token"], token_id, digest, family.id):
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
                return family
            row = await connection.fetchrow(self._queries["find_family_of_enrollment"], token_id, digest)
        begun = _refresh_family(row) if row else None
        if begun is None or begun.revoked or (begun.generation, begun.nonce) != (family.generation, family.nonce):
            raise CredentialInvalid
        return begun

    async def rotate(self, family_id: str, generation: int, nonce: str) -> RefreshFamily:
        """Moves a family on, answers a repetition, or revokes the family of a reused token."""
        async with self._database.system_transaction() as connection:
            row = await connection.fetchrow(self._queries["lock_refresh_family"], family_id)
            family = _refresh_family(row) if row else None
            if family is None or family.revoked:
                raise CredentialInvalid
            if family.generation == generation:
                moved = await connection.fetchrow(self._queries["move_refresh_family"], family_id, nonce)
                assert moved is not None
                return _refresh_family(moved)
            if (family.generation, family.nonce) == (generation + 1, nonce):
                return family
            await connection.execute(self._queries["revoke_refresh_family"], family_id)
        # Raised after the commit: the revocation must stand.
        raise RefreshTokenReused

    async def find_api_key(self, key_id: str) -> ApiKey:
        """The key of an id that has not expired. Raises CredentialInvalid."""
        async with self._database.system_transaction() as connection:
            row = await connection.fetchrow(self._queries["find_api_key"], key_id)
        if row is None:
            raise CredentialInvalid
        return _api_key(row)

    async def bootstrap(self, signing_key: SigningKey, administrator: ApiKey) -> tuple[tuple[SigningKey, ...], ApiKey]:
        """Keeps the first signing key and administrator where there are none; answers those in force."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["lock_bootstrap"])
            rows = await connection.fetch(self._queries["list_signing_keys"])
            if not rows:
                key = signing_key
                await connection.execute(
                    self._queries["add_signing_key"], key.kid, key.public_x, key.encrypted_private, key.create_time
                )
                rows = await connection.fetch(self._queries["list_signing_keys"])
            found = await connection.fetchrow(
                self._queries["find_administrator"], administrator.tenant, administrator.subject
            )
            if found is None:
                await connection.execute(
                    self._queries["add_api_key"],
                    administrator.id,
                    administrator.tenant,
                    administrator.subject,
                    list(administrator.roles),
                    administrator.digest,
                    administrator.create_time,
                    administrator.expire_time,
                )
        keys = tuple(SigningKey(*row.values()) for row in rows)
        return keys, _api_key(found) if found else administrator


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
    )


def _refresh_family(row: Record) -> RefreshFamily:
    return RefreshFamily(
        id=str(row["id"]),
        identity=Identity(row["subject"], row["tenant"], tuple(row["roles"]), json.loads(row["labels"])),
        generation=row["generation"],
        nonce=row["nonce"],
        expire_time=row["expire_time"],
        revoked=row["revoke_time"] is not None,
    )


def _api_key(row: Record) -> ApiKey:
    return ApiKey(
        id=str(row["id"]),
        tenant=row["tenant"],
        subject=row["subject"],
        roles=tuple(row["roles"]),
        digest=row["digest"],
        create_time=row["create_time"],
        expire_time=row["expire_time"],
    )
