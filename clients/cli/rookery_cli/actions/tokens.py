"""Tokens."""

from typing import Any
from uuid import uuid4

from rookery.auth.v1 import token_service_pb2
from rookery_sdk import Client

from rookery_cli.output import Column, Output
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago, rfc3339

_FIELDS = (
    Column("active", lambda token: "yes" if token["active"] else "no"),
    Column("subject", lambda token: token["subject"]),
    Column("acted for by", lambda token: ", then ".join(token["delegates"])),
    Column("tenant", lambda token: token["tenant"]),
    Column("roles", lambda token: ", ".join(token["roles"])),
    Column("permits", lambda token: ", ".join(token["scopes"])),
    Column("id", lambda token: token["token_id"]),
    Column("issued", lambda token: ago(token["issue_time"])),
    Column("expires", lambda token: ago(token["expire_time"])),
)


async def introspect_token(client: Client, token: str, output: Output) -> None:
    """Shows what a token says, if it is good."""
    request = token_service_pb2.IntrospectTokenRequest(token=token)
    answer = await client.token_service.IntrospectToken(request, timeout=CALL_SECONDS)
    document: dict[str, Any] = {
        "active": answer.active,
        "subject": answer.subject,
        "delegates": list(answer.delegates),
        "tenant": answer.tenant,
        "roles": list(answer.roles),
        "scopes": list(answer.scopes),
        "token_id": answer.token_id,
        "issue_time": rfc3339(answer.issue_time),
        "expire_time": rfc3339(answer.expire_time),
    }
    output.one(document, _FIELDS)


async def revoke_token(client: Client, output: Output, *, token: str, token_id: str, subject: str) -> None:
    """Revokes the one that is given."""
    request = token_service_pb2.RevokeTokenRequest(request_id=str(uuid4()))
    if token:
        request.token = token
    elif token_id:
        request.token_id = token_id
    else:
        request.subject = subject
    revoked = (await client.token_service.RevokeToken(request, timeout=CALL_SECONDS)).revoked
    said = f"{revoked} is revoked" if revoked else "there was nothing to revoke: the token is not good"
    output.done({"revoked": revoked or None}, said)
