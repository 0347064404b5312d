"""What the first start creates, on Postgres."""

from datetime import timedelta

from rookery_kit.audit import AuditEvent, AuditOutcome
from rookery_kit.audit.event import NOBODY
from rookery_kit.bus import append_all
from rookery_kit.postgres import Database, Queries

from rookery_auth.model import ApiKey, SigningKey
from rookery_auth.postgres.api_keys import add_api_key, api_key
from rookery_auth.postgres.signing_keys import add_signing_key


class PostgresBootstrap:
    """Implements BootstrapStore."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def bootstrap(self, signing_key: SigningKey, administrator: ApiKey) -> ApiKey:
        """Keeps the first signing key and administrator where there are none; answers the administrator in force."""
        async with self._database.system_transaction() as connection:
            await connection.execute(self._queries["lock_bootstrap"])
            await connection.execute(self._queries["add_first_tenant"], administrator.tenant)
            if not await connection.fetch(self._queries["list_signing_keys_in_use"]):
                await add_signing_key(connection, self._queries, signing_key, timedelta())
            wanted = administrator
            found = await connection.fetchrow(
                self._queries["find_administrator"], wanted.tenant, wanted.subject, wanted.creator
            )
            if found is None:
                await add_api_key(connection, self._queries, wanted)
        return api_key(found) if found else administrator

    async def add_administrator(self, administrator: ApiKey) -> None:
        """Keeps another administrator's key, and tells the audit log."""
        event = AuditEvent(
            tenant=administrator.tenant,
            actor=NOBODY,
            action="administrator.recovered",
            resource=f"api_keys/{administrator.id}",
            outcome=AuditOutcome.SUCCEEDED,
            event_time=administrator.create_time,
            service="auth",
        )
        async with self._database.system_transaction() as connection:
            await add_api_key(connection, self._queries, administrator)
            await append_all(connection, [event.outgoing()])
