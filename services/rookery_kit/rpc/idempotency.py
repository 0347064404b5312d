"""The same request_id answers the same result (AIP-155), exactly, because answer and change are one transaction."""

import hashlib
from collections.abc import Awaitable, Callable

from google.protobuf.message import Message

from rookery_kit.identity import Principal
from rookery_kit.postgres import Database
from rookery_kit.request_id import RequestIdReused

_CLAIM = """
INSERT INTO idempotency (tenant, subject, method, request_id, request_digest) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING true"""
_RECALL = """
SELECT request_digest, answer FROM idempotency
WHERE tenant = $1 AND subject = $2 AND method = $3 AND request_id = $4"""
_KEEP = """
UPDATE idempotency SET answer = $5 WHERE tenant = $1 AND subject = $2 AND method = $3 AND request_id = $4"""


async def answer_once(
    database: Database,
    principal: Principal,
    method: str,
    request: Message,
    response_class: type[Message],
    handle: Callable[[], Awaitable[Message]],
) -> Message:
    """Runs `handle` and keeps its answer, or answers what was kept. Of two at once the second waits for the first.

    An error rolls back the claim with the change, so the request may be repeated.
    """
    request_id: str = request.request_id  # type: ignore[attr-defined]
    key = (principal.tenant, principal.subject, method, request_id)
    digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
    async with database.shared_transaction(principal.tenant) as connection:
        if await connection.fetchval(_CLAIM, *key, digest):
            answer = await handle()
            await connection.execute(_KEEP, *key, answer.SerializeToString())
            return answer
        row = await connection.fetchrow(_RECALL, *key)
    if row is None or row["request_digest"] != digest:
        raise RequestIdReused
    return response_class.FromString(row["answer"])
