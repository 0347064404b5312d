"""The embedded NATS, as a real process."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import nats
import pytest
from harness.eventually import eventually
from harness.free_ports import free_port
from nats.errors import Error
from rookery_kit.bus.subjects import (
    RATE_USAGE_SUBJECT,
    beat_subject,
    event_subject,
    revocation_subject,
    standing_subject,
)
from rookery_kit.tenant_erasure import TENANT_DELETION, TENANT_ERASURE
from rookery_local.embedded_nats import SYSTEM_USER, EmbeddedNats
from rookery_local.errors import CannotStart

pytestmark = pytest.mark.capability("D1")
USERS = {"auth": "0-first", "registry": "second", SYSTEM_USER: "third"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedNats]:
    """A started server."""
    server = EmbeddedNats(tmp_path / "nats", port=free_port(), users=USERS)
    await server.start()
    yield server
    await server.stop()


async def answer_to(port: int, login: dict[str, str]) -> str:
    """The first word with which the server answers a login, by the protocol itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        assert (await reader.readline()).startswith(b"INFO ")
        writer.write(f"CONNECT {json.dumps({'verbose': True} | login)}\r\n".encode())
        return (await asyncio.wait_for(reader.readline(), 5)).split()[0].decode()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_message_of_one_user_survives_a_kill_and_reaches_another(server: EmbeddedNats) -> None:
    writer = await nats.connect(server.url("auth"))
    await writer.jetstream().add_stream(name="KEPT", subjects=["kept"])
    await writer.jetstream().publish("kept", b"x" * (1024 * 1024 + 1024))
    await writer.close()
    await server.kill()
    await server.start()
    reader = await nats.connect(server.url("registry"))
    assert (await reader.jetstream().stream_info("KEPT")).state.messages == 1
    assert reader.max_payload == 2 * 1024 * 1024
    await reader.close()


async def test_strangers_and_wrong_passwords_are_refused(tmp_path: Path) -> None:
    port = free_port()
    server = EmbeddedNats(tmp_path, port=port, users=USERS)
    await server.start()
    try:
        assert await answer_to(port, {"user": "auth", "pass": "0-first"}) == "+OK"
        assert await answer_to(port, {"user": "auth", "pass": "second"}) == "-ERR"
        assert await answer_to(port, {"user": "stranger", "pass": ""}) == "-ERR"
        assert await answer_to(port, {}) == "-ERR"
    finally:
        await server.stop()


async def test_the_system_user_sees_the_server_and_no_messages_of_the_services(server: EmbeddedNats) -> None:
    client = await nats.connect(server.url(SYSTEM_USER))
    answer = await client.request("$SYS.REQ.SERVER.PING.STATSZ", timeout=5)
    assert b"rookery-local" in answer.data
    with pytest.raises(Error):
        await client.jetstream().account_info()
    await client.close()


@pytest.mark.capability("A9")
async def test_each_service_may_say_only_what_is_its_own_to_say(server: EmbeddedNats) -> None:
    said_by_auth = (
        beat_subject(),
        revocation_subject("acme", "1"),
        standing_subject("acme"),
        event_subject("acme", TENANT_DELETION, "acme"),
    )
    erased = {user: event_subject("acme", TENANT_ERASURE, user) for user in ("auth", "registry")}
    assert await refused_to(server, "auth", (*said_by_auth, erased["registry"])) == {erased["registry"]}
    not_its_own = {*said_by_auth, erased["auth"]}
    open_to_all = (RATE_USAGE_SUBJECT, event_subject("acme", "audit", "1"), "$JS.API.INFO", erased["registry"])
    assert await refused_to(server, "registry", (*not_its_own, *open_to_all)) == not_its_own


async def refused_to(server: EmbeddedNats, user: str, subjects: Iterable[str]) -> set[str]:
    """Those of the subjects on which the server lets a user publish nothing."""
    problems: list[str] = []

    async def on_error(error: Exception) -> None:
        problems.append(str(error).lower())

    client = await nats.connect(server.url(user), error_cb=on_error)
    wanted = set(subjects)
    for subject in wanted:
        await client.publish(subject, b"x")
    # The server answers in order: once this is refused, so is everything before it that is to be.
    last = event_subject("last", TENANT_ERASURE, "registry" if user == "auth" else "auth")
    await client.publish(last, b"x")
    await eventually(lambda: any(last in told for told in problems))
    await client.close()
    return {subject for subject in wanted if any(f'publish to "{subject.lower()}"' in told for told in problems)}


async def test_the_settings_with_the_passwords_are_private(server: EmbeddedNats, tmp_path: Path) -> None:
    assert server.pid is not None
    settings = tmp_path / "nats" / "nats.conf"
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    assert '"sync_interval": "always"' in settings.read_text()


async def test_a_relaxed_server_syncs_every_second(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path, port=free_port(), users=USERS, sync_always=False)
    await server.start()
    await server.stop()
    assert '"sync_interval": "1s"' in (tmp_path / "nats.conf").read_text()


async def test_a_port_in_use_is_the_reason_of_a_failed_start(tmp_path: Path) -> None:
    port = free_port()
    first = EmbeddedNats(tmp_path / "first", port=port, users=USERS)
    second = EmbeddedNats(tmp_path / "second", port=port, users=USERS)
    await first.start()
    try:
        with pytest.raises(CannotStart, match=rf"NATS does not start: .*{port}.*address already in use"):
            await second.start()
        assert second.pid is None
        assert await answer_to(port, {"user": "auth", "pass": "0-first"}) == "+OK"
    finally:
        await first.stop()


async def test_a_name_that_could_break_the_settings_is_no_user(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a name of a user"):
        EmbeddedNats(tmp_path, port=1, users={'a"b': "x"})
