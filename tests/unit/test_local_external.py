"""Postgres and NATS of the user's own."""

import asyncio

import pytest
from rookery_local.errors import CannotStart
from rookery_local.external import ExternalNats, ExternalPostgres


@pytest.mark.capability("D1")
@pytest.mark.parametrize(
    ("admin", "service"),
    [
        ("postgresql://root:pw@db.example:6432/fleet", "postgresql://rookery_auth:s%2Fcret@db.example:6432/fleet"),
        (
            "postgres://db.example/fleet?sslmode=require",
            "postgres://rookery_auth:s%2Fcret@db.example/fleet?sslmode=require",
        ),
        (
            "postgresql:///fleet?host=/run/pg&user=root&password=pw",
            "postgresql://rookery_auth:s%2Fcret@/fleet?host=/run/pg",
        ),
        ("postgresql://root:a%40b@[::1]:5432/fleet", "postgresql://rookery_auth:s%2Fcret@[::1]:5432/fleet"),
    ],
)
def test_a_service_gets_the_same_database_under_its_own_role(admin: str, service: str) -> None:
    assert ExternalPostgres(admin).url("rookery_auth", "s/cret") == service


@pytest.mark.capability("D1")
@pytest.mark.parametrize("url", ["", "mysql://h/d", "db.example"])
def test_a_url_that_is_not_of_postgres_is_refused(url: str) -> None:
    with pytest.raises(CannotStart, match="--postgres-url must look like"):
        ExternalPostgres(url)


@pytest.mark.capability("D1")
@pytest.mark.parametrize("url", ["", "http://h:4222", "nats://", "nats://h:port", "h:4222"])
def test_a_url_that_is_not_of_nats_is_refused(url: str) -> None:
    with pytest.raises(CannotStart, match="--nats-url must look like"):
        ExternalNats(url)


@pytest.mark.capability("D1")
async def test_a_nats_that_does_not_answer_is_named_before_anything_waits_for_it() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    nats = ExternalNats(f"nats://u:p@127.0.0.1:{port},nats://other:4222")
    await nats.require_answer()
    server.close()
    await server.wait_closed()
    with pytest.raises(CannotStart, match=rf"NATS cannot be reached at 127\.0\.0\.1:{port}"):
        await nats.require_answer()
