"""API keys."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from rookery.auth.v1 import api_key_pb2, api_key_service_pb2
from rookery_sdk import Client

from rookery_cli.hints import hint_for
from rookery_cli.output import Column, Document, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.refusal import Refused
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago, rfc3339

_ALL = Extent(None)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHOWN_ONCE = (
    "this secret is shown once and kept nowhere: store it now, as $ROOKERY_API_KEY or in a file of its owner's"
)


def _state(key: Document) -> str:
    if key["revoke_time"]:
        return "revoked"
    ended = key["expire_time"] and datetime.fromisoformat(key["expire_time"]) <= datetime.now(UTC)
    return "expired" if ended else "good"


_COLUMNS = (
    Column("ID", lambda key: key["id"], fixed=True),
    Column("NAME", lambda key: key["display_name"]),
    Column("SUBJECT", lambda key: key["subject"]),
    Column("ROLES", lambda key: ", ".join(key["roles"])),
    Column("STATE", _state, fixed=True),
    Column("LAST USED", lambda key: ago(key["last_use_time"]) or "never"),
    Column("EXPIRES", lambda key: ago(key["expire_time"]) or "never"),
)
_FIELDS = (
    Column("id", lambda key: key["id"]),
    Column("name", lambda key: key["display_name"]),
    Column("subject", lambda key: key["subject"]),
    Column("state", _state),
    Column("roles", lambda key: ", ".join(key["roles"])),
    Column("scopes", lambda key: ", ".join(key["scopes"])),
    Column("requests a second", lambda key: key["requests_per_second"] or ""),
    Column("created by", lambda key: key["creator"]),
    Column("created", lambda key: ago(key["create_time"])),
    Column("expires", lambda key: ago(key["expire_time"]) or "never"),
    Column("last used", lambda key: ago(key["last_use_time"]) or "never"),
    Column("revoked", lambda key: ago(key["revoke_time"])),
    Column("secrets so far", lambda key: key["generation"]),
    Column("secret before ends", lambda key: ago(key["previous_expire_time"])),
)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to create; an empty subject is the caller, `ttl` None means for ever."""

    display_name: str
    subject: str
    roles: Sequence[str]
    scopes: Sequence[str]
    ttl: timedelta | None
    requests_per_second: int


def key_document(key: api_key_pb2.ApiKey) -> dict[str, Any]:
    """An API key."""
    return {
        "id": key.id,
        "display_name": key.display_name,
        "subject": key.subject,
        "roles": list(key.roles),
        "scopes": list(key.scopes),
        "requests_per_second": key.requests_per_second,
        "generation": key.generation,
        "creator": key.creator,
        "create_time": rfc3339(key.create_time),
        "expire_time": rfc3339(key.expire_time),
        "last_use_time": rfc3339(key.last_use_time),
        "revoke_time": rfc3339(key.revoke_time),
        "previous_expire_time": rfc3339(key.previous_expire_time),
    }


async def list_keys(client: Client, subject: str, extent: Extent, output: Output) -> None:
    """Shows keys, newest first."""
    keys, more = await _listed(client, subject, extent)
    output.listing("api_keys", [key_document(key) for key in keys], _COLUMNS, more=more)


async def create_key(client: Client, new: NewKey, output: Output) -> None:
    """Creates a key and shows its secret."""
    request = api_key_service_pb2.CreateApiKeyRequest(
        request_id=str(uuid4()),
        display_name=new.display_name,
        subject=new.subject,
        roles=new.roles,
        scopes=new.scopes,
        requests_per_second=new.requests_per_second,
        ttl=new.ttl,
    )
    response = await client.api_keys.CreateApiKey(request, timeout=CALL_SECONDS)
    _show_secret(response.api_key, response.secret, f"API key {response.api_key.id} is created", output)


async def show_key(client: Client, key: str, output: Output) -> None:
    """Shows one key."""
    output.one(key_document(await _find(client, key)), _FIELDS)


async def rotate_key(client: Client, key: str, overlap: timedelta | None, output: Output) -> None:
    """Gives a key its next secret and shows it."""
    found = await _find(client, key)
    request = api_key_service_pb2.RotateApiKeyRequest(request_id=str(uuid4()), api_key_id=found.id, overlap=overlap)
    response = await client.api_keys.RotateApiKey(request, timeout=CALL_SECONDS)
    ends = ago(rfc3339(response.api_key.previous_expire_time))
    _show_secret(
        response.api_key, response.secret, f"API key {found.id} is rotated; the secret before ends {ends}", output
    )


async def revoke_key(client: Client, key: str, output: Output) -> None:
    """Ends a key."""
    found = await _find(client, key)
    request = api_key_service_pb2.RevokeApiKeyRequest(request_id=str(uuid4()), api_key_id=found.id)
    response = await client.api_keys.RevokeApiKey(request, timeout=CALL_SECONDS)
    output.done(key_document(response.api_key), f"API key {found.id} is revoked")


def _show_secret(key: api_key_pb2.ApiKey, secret: str, done: str, output: Output) -> None:
    if output.as_json:
        output.json({"api_key": key_document(key), "secret": secret})
    else:
        output.line(secret)
        output.note(done)
    output.note(_SHOWN_ONCE)


async def _listed(client: Client, subject: str, extent: Extent) -> tuple[list[api_key_pb2.ApiKey], bool]:
    async def fetch(size: int, token: str) -> tuple[Sequence[api_key_pb2.ApiKey], str]:
        request = api_key_service_pb2.ListApiKeysRequest(page_size=size, page_token=token, subject=subject)
        page = await client.api_keys.ListApiKeys(request, timeout=CALL_SECONDS)
        return page.api_keys, page.next_page_token

    return await collect(fetch, extent)


async def _find(client: Client, key: str) -> api_key_pb2.ApiKey:
    """The key of this id or unique beginning of an id. Raises Refused."""
    if _UUID.fullmatch(key):
        request = api_key_service_pb2.GetApiKeyRequest(api_key_id=key)
        return (await client.api_keys.GetApiKey(request, timeout=CALL_SECONDS)).api_key
    found = [each for each in (await _listed(client, "", _ALL))[0] if each.id.startswith(key)]
    if len(found) > 1:
        raise Refused(f"{key!r} is the beginning of several ids", "AMBIGUOUS", "give more of the id")
    if not found:
        raise Refused(f"there is no API key {key!r}", "API_KEY_NOT_FOUND", hint_for("API_KEY_NOT_FOUND"))
    return found[0]
