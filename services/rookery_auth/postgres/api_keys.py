"""API keys on Postgres."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from asyncpg import Record
from rookery_kit.errors import QuotaExceeded
from rookery_kit.group_commit import GroupCommit
from rookery_kit.identity_feed import RevocationKind
from rookery_kit.postgres import Connection, Database, Queries
from rookery_kit.request_id import RequestIdReused

from rookery_auth.model import ApiKey, ApiKeyEnded, ApiKeyNotFound, CredentialInvalid, Revocation
from rookery_auth.postgres.revocations import PostgresRevocations
from rookery_auth.postgres.standing import standing
from rookery_auth.store.entitlements import Standing


class PostgresApiKeys:
    """Implements ApiKeyStore. An exchange knows no tenant before it finds its row, so it sees all."""

    def __init__(self, database: Database, queries: Queries, revocations: PostgresRevocations) -> None:
        self._database = database
        self._queries = queries
        self._revocations = revocations
        self._lookups = GroupCommit(self._look_up)

    async def find_for_exchange(self, key_id: str) -> tuple[ApiKey, Standing]:
        """A key, in force or not, and how its subject stands. Raises CredentialInvalid.

        Read in one statement, which serves all who ask while the one before is under way.
        """
        row = await self._lookups.submit(key_id)
        if row is None:
            raise CredentialInvalid
        key = api_key(row)
        return (key if row["previous_good"] else replace(key, previous_digest=None)), standing(row)

    async def _look_up(self, key_ids: Sequence[str]) -> Sequence[Record | None]:
        async with self._database.system_statement() as connection:
            rows = await connection.fetch(self._queries["find_api_keys"], key_ids)
        found = {str(row["id"]): row for row in rows}
        return [found.get(key_id) for key_id in key_ids]

    async def add(self, key: ApiKey, limit: int) -> ApiKey:
        """Keeps a key; answers the one already kept under its id, if there is one. Raises QuotaExceeded."""
        async with self._database.transaction(key.tenant) as connection:
            if limit:
                await connection.execute(self._queries["lock_api_key_quota"], key.tenant)
            kept = await connection.fetchrow(self._queries["get_api_key"], key.tenant, key.id)
            if kept is not None:
                return api_key(kept)
            if limit and await connection.fetchval(self._queries["count_api_keys"], key.tenant) >= limit:
                raise QuotaExceeded("max_api_keys", limit, f"tenant:{key.tenant}")
            await add_api_key(connection, self._queries, key)
            kept = await connection.fetchrow(self._queries["get_api_key"], key.tenant, key.id)
            assert kept is not None
            return api_key(kept)

    async def get(self, tenant: str, key_id: str) -> ApiKey:
        """One key. Raises ApiKeyNotFound."""
        async with self._database.transaction(tenant) as connection:
            return _found(await connection.fetchrow(self._queries["get_api_key"], tenant, key_id), key_id)

    async def list(
        self, tenant: str, subject: str, before: tuple[datetime, str] | None, limit: int
    ) -> Sequence[ApiKey]:
        """Keys, newest first."""
        async with self._database.transaction(tenant) as connection:
            rows = await connection.fetch(
                self._queries["list_api_keys"], tenant, subject, *(before or (None, None)), limit
            )
        return [api_key(row) for row in rows]

    async def rotate(
        self, tenant: str, key_id: str, request_id: str, overlap: timedelta, digest: Callable[[str], bytes]
    ) -> ApiKey:
        """Gives a key its next secret; the last rotation repeated answers the same."""
        async with self._database.transaction(tenant) as connection:
            row = await connection.fetchrow(self._queries["lock_api_key"], tenant, key_id)
            key = _found(row, key_id)
            assert row is not None
            if request_id and key.nonce.partition("-")[2] == request_id:
                if key.rotate_time is None or key.previous_expire_time != key.rotate_time + overlap:
                    raise RequestIdReused
                return key
            if key.ended(row["now"]):
                raise ApiKeyEnded(key_id)
            nonce = f"{key.generation + 1:x}-{request_id or uuid4()}"
            rotated = await connection.fetchrow(
                self._queries["rotate_api_key"], tenant, key_id, nonce, digest(nonce), overlap
            )
            return _found(rotated, key_id)

    async def revoke(self, tenant: str, key_id: str, tokens_expire: datetime) -> ApiKey:
        """Ends a key, and announces that all it has earned is refused. Raises ApiKeyNotFound."""
        async with self._database.transaction(tenant) as connection:
            revoked: list[Revocation] = []
            if await connection.fetchrow(self._queries["revoke_api_key"], tenant, key_id) is not None:
                session = Revocation(RevocationKind.SESSION, tenant, key_id, tokens_expire, tokens_expire)
                revoked.append(await self._revocations.announce(connection, session))
            key = _found(await connection.fetchrow(self._queries["get_api_key"], tenant, key_id), key_id)
        await self._revocations.committed(revoked)
        return key

    async def touch(self, uses: Mapping[str, datetime]) -> None:
        """Notes when keys were last used, in one statement."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["touch_api_keys"], list(uses), list(uses.values()))


def _found(row: Record | None, key_id: str) -> ApiKey:
    if row is None:
        raise ApiKeyNotFound(key_id)
    return api_key(row)


async def add_api_key(connection: Connection, queries: Queries, key: ApiKey) -> None:
    """Keeps a key of the first generation; nothing happens when its id is there."""
    await connection.execute(
        queries["add_api_key"],
        key.id,
        key.tenant,
        key.subject,
        list(key.roles),
        key.digest,
        key.create_time,
        key.expire_time,
        key.display_name,
        key.creator,
        list(key.scopes),
        key.requests_per_second,
        key.nonce,
    )


def api_key(row: Record) -> ApiKey:
    """The key of a row."""
    return ApiKey(
        id=str(row["id"]),
        tenant=row["tenant"],
        subject=row["subject"],
        roles=tuple(row["roles"]),
        digest=row["digest"],
        create_time=row["create_time"],
        expire_time=row["expire_time"],
        display_name=row["display_name"],
        creator=row["creator"],
        scopes=tuple(row["scopes"]),
        requests_per_second=row["requests_per_second"],
        generation=row["generation"],
        nonce=row["nonce"],
        rotate_time=row["rotate_time"],
        previous_digest=row["previous_digest"],
        previous_expire_time=row["previous_expire_time"],
        last_use_time=row["last_use_time"],
        revoke_time=row["revoke_time"],
    )
