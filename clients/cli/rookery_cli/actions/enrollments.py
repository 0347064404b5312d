"""Enrolment tokens."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from rookery.auth.v1 import enrollment_pb2, enrollment_service_pb2
from rookery_sdk import Client

from rookery_cli.output import Column, Document, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago, rfc3339


def _state(token: Document) -> str:
    for state in ("use", "revoke"):
        if token[f"{state}_time"]:
            return f"{state}d"
    return "expired" if datetime.fromisoformat(token["expire_time"]) <= datetime.now(UTC) else "good"


_COLUMNS = (
    Column("ID", lambda token: token["id"], fixed=True),
    Column("ROLES", lambda token: ", ".join(token["roles"])),
    Column("STATE", _state, fixed=True),
    Column("CREATED BY", lambda token: token["creator"]),
    Column("CREATED", lambda token: ago(token["create_time"])),
    Column("EXPIRES", lambda token: ago(token["expire_time"])),
)


def enrollment_token_document(token: enrollment_pb2.EnrollmentToken) -> dict[str, Any]:
    """An enrolment token."""
    return {
        "id": token.id,
        "roles": list(token.roles),
        "labels": dict(token.labels),
        "creator": token.creator,
        "create_time": rfc3339(token.create_time),
        "expire_time": rfc3339(token.expire_time),
        "use_time": rfc3339(token.use_time),
        "revoke_time": rfc3339(token.revoke_time),
    }


async def list_enrollment_tokens(client: Client, extent: Extent, output: Output) -> None:
    """Shows tokens, newest first."""

    async def fetch(size: int, token: str) -> tuple[Sequence[enrollment_pb2.EnrollmentToken], str]:
        request = enrollment_service_pb2.ListEnrollmentTokensRequest(page_size=size, page_token=token)
        page = await client.enrollments.ListEnrollmentTokens(request, timeout=CALL_SECONDS)
        return page.enrollment_tokens, page.next_page_token

    tokens, more = await collect(fetch, extent)
    documents = [enrollment_token_document(token) for token in tokens]
    output.listing("enrollment_tokens", documents, _COLUMNS, more=more)


async def create_enrollment_token(
    client: Client, roles: Sequence[str], labels: Mapping[str, str], ttl: timedelta | None, output: Output
) -> None:
    """Creates a token and shows its secret."""
    request = enrollment_service_pb2.CreateEnrollmentTokenRequest(
        request_id=str(uuid4()), roles=roles, labels=labels, ttl=ttl
    )
    answer = await client.enrollments.CreateEnrollmentToken(request, timeout=CALL_SECONDS)
    if output.as_json:
        output.json({"enrollment_token": enrollment_token_document(answer.enrollment_token), "secret": answer.secret})
    else:
        output.line(answer.secret)
        output.note(f"enrolment token {answer.enrollment_token.id} is created")
    output.note("this secret is shown once and kept nowhere: give it to the agent, as $ROOKERY_ENROLLMENT_TOKEN")


async def revoke_enrollment_token(client: Client, token_id: str, output: Output) -> None:
    """Ends a token."""
    request = enrollment_service_pb2.RevokeEnrollmentTokenRequest(request_id=str(uuid4()), enrollment_token_id=token_id)
    token = (await client.enrollments.RevokeEnrollmentToken(request, timeout=CALL_SECONDS)).enrollment_token
    output.done(enrollment_token_document(token), f"enrolment token {token.id} is revoked")
