"""The master key is not turned under an auth service that runs."""

import asyncio
import base64
import os
import sys
from pathlib import Path

import psycopg
import pytest
from harness.auth_service import running_auth
from harness.databases import FreshDatabase, OpenDatabase
from harness.eventually import eventually
from rookery_auth.__main__ import compose
from rookery_auth.master_key import MasterKey, read_master_key
from rookery_auth.postgres import PostgresSigningKeys
from rookery_auth.settings import AuthSettings
from rookery_auth.signing import open_private_key, seal_private_key
from rookery_kit.lifecycle import LoopEnded, serve
from rookery_kit.postgres import load_queries

LOCK = "application_name = 'rookery-auth-lock'"
REFUSED = "rookery-auth: auth runs on this database: stop every process of it, then repeat; nothing was changed\n"


@pytest.fixture
def new_key(tmp_path: Path) -> Path:
    path = tmp_path / "new-master.key"
    path.write_bytes(base64.b64encode(os.urandom(32)))
    path.chmod(0o600)
    return path


async def reseal(settings: AuthSettings, new_key: Path) -> tuple[int | None, str]:
    """The exit code of the command and what it said of an error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rookery_auth.reseal"),
        *("--database-url", settings.database_url.get_secret_value()),
        *("--master-key-file", str(settings.master_key_file), "--new-master-key-file", str(new_key)),
        *("--credential-file", str(settings.bootstrap_credential_file)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    return process.returncode, said.decode()


async def on(database: FreshDatabase, query: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as connection:
        return await (await connection.execute(query.encode())).fetchall()


@pytest.mark.capability("A3")
async def test_the_master_key_is_turned_once_the_last_replica_of_auth_has_stopped(
    auth_settings: AuthSettings, new_key: Path
) -> None:
    async with running_auth(auth_settings) as auth:
        async with running_auth(auth_settings):
            assert await reseal(auth_settings, new_key) == (1, REFUSED)
        assert await reseal(auth_settings, new_key) == (1, REFUSED)
        assert (await auth.api_key()).secret
    assert await reseal(auth_settings, new_key) == (0, "")
    async with running_auth(auth_settings.model_copy(update={"master_key_file": new_key})) as auth:
        assert (await auth.api_key()).secret


@pytest.mark.capability("A3")
async def test_a_service_whose_lock_was_lost_with_its_connection_takes_it_again(
    auth_settings: AuthSettings, new_key: Path, fresh_database: FreshDatabase
) -> None:
    async with running_auth(auth_settings):
        ((before,),) = await on(fresh_database, f"SELECT pid FROM pg_stat_activity WHERE {LOCK}")
        await on(fresh_database, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LOCK}")

        async def held_by_another() -> bool:
            query = f"SELECT pid FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE {LOCK} AND locktype = 'advisory'"
            return bool(await on(fresh_database, f"{query} AND granted AND pid <> {before}"))

        await eventually(held_by_another)
        assert await reseal(auth_settings, new_key) == (1, REFUSED)


@pytest.mark.capability("A3")
async def test_a_service_whose_keys_were_sealed_under_another_master_key_all_the_same_ends(
    auth_settings: AuthSettings, open_database: OpenDatabase
) -> None:
    assert auth_settings.master_key_file is not None
    old, other = read_master_key(auth_settings.master_key_file), MasterKey(os.urandom(32))
    keys = PostgresSigningKeys(await open_database("auth"), load_queries("rookery_auth"))
    sealing: list[asyncio.Task[None]] = []

    async def seal_anew() -> None:
        (key,), _ = await keys.list_in_use()
        await keys.reseal({key.kid: seal_private_key(key.kid, open_private_key(key, old), other)})

    serving = serve(auth_settings, compose, asyncio.Event(), lambda _: sealing.append(asyncio.create_task(seal_anew())))
    with pytest.raises(LoopEnded):
        await asyncio.wait_for(serving, 20)
    await sealing[0]
