"""Signing keys."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from rookery.auth.v1 import key_service_pb2, signing_key_pb2
from rookery_sdk import Client

from rookery_cli.output import Column, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago, rfc3339

_COLUMNS = (
    Column("KEY", lambda key: key["kid"], fixed=True),
    Column("STATE", lambda key: key["state"], fixed=True),
    Column("CREATED", lambda key: ago(key["create_time"])),
    Column("SIGNS FROM", lambda key: ago(key["activate_time"])),
    Column("SIGNS UNTIL", lambda key: ago(key["retire_time"])),
    Column("VERIFIES UNTIL", lambda key: ago(key["expire_time"])),
)


def signing_key_document(key: signing_key_pb2.SigningKey) -> dict[str, Any]:
    """A signing key."""
    return {
        "kid": key.kid,
        "state": signing_key_pb2.SigningKeyState.Name(key.state).removeprefix("SIGNING_KEY_STATE_"),
        "create_time": rfc3339(key.create_time),
        "activate_time": rfc3339(key.activate_time),
        "retire_time": rfc3339(key.retire_time),
        "expire_time": rfc3339(key.expire_time),
    }


async def list_signing_keys(client: Client, extent: Extent, output: Output) -> None:
    """Shows keys, newest first."""

    async def fetch(size: int, token: str) -> tuple[Sequence[signing_key_pb2.SigningKey], str]:
        request = key_service_pb2.ListSigningKeysRequest(page_size=size, page_token=token)
        page = await client.signing_keys.ListSigningKeys(request, timeout=CALL_SECONDS)
        return page.signing_keys, page.next_page_token

    keys, more = await collect(fetch, extent)
    output.listing("signing_keys", [signing_key_document(key) for key in keys], _COLUMNS, more=more)


async def rotate_signing_key(client: Client, output: Output, *, compromised: bool) -> None:
    """Creates the next key."""
    request = key_service_pb2.RotateSigningKeyRequest(request_id=str(uuid4()), compromised=compromised)
    key = (await client.signing_keys.RotateSigningKey(request, timeout=CALL_SECONDS)).signing_key
    when = "now" if key.state == signing_key_pb2.SIGNING_KEY_STATE_ACTIVE else ago(rfc3339(key.activate_time))
    output.done(signing_key_document(key), f"signing key {key.kid} is created and signs {when}")
