"""The audit log."""

from collections.abc import Sequence
from typing import Any

from rookery.auth.v1 import audit_pb2, audit_service_pb2
from rookery_kit.audit_chain import ChainBroken, ChainHead, ChainVerifier
from rookery_sdk import Client

from rookery_cli.chains import acting
from rookery_cli.output import Column, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.refusal import Refused
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago, rfc3339

_OUTCOME = "AUDIT_OUTCOME_"
_PAGE = 1000
_COLUMNS = (
    Column("SEQ", lambda event: event["sequence"], fixed=True),
    Column("WHEN", lambda event: ago(event["event_time"]), fixed=True),
    Column("OUTCOME", lambda event: event["outcome"], fixed=True),
    Column("ACTOR", lambda event: acting(event["delegates"], event["actor"])),
    Column("ACTION", lambda event: event["action"]),
    Column("RESOURCE", lambda event: event["resource"]),
    Column("REASON", lambda event: event["reason"] or ""),
)


def event_document(event: audit_pb2.AuditEvent) -> dict[str, Any]:
    """An event with its link."""
    return {
        "sequence": event.link.sequence,
        "id": event.id,
        "event_time": rfc3339(event.event_time),
        "tenant": event.tenant,
        "service": event.service,
        "actor": event.actor,
        "delegates": list(event.delegates),
        "action": event.action,
        "resource": event.resource,
        "outcome": audit_pb2.AuditOutcome.Name(event.outcome).removeprefix(_OUTCOME),
        "reason": event.reason or None,
        "token_id": event.token_id or None,
        "trace_id": event.trace_id or None,
        "details": dict(event.details),
        "previous_hash": event.link.previous_hash.hex(),
        "hash": event.link.hash.hex(),
    }


async def list_events(client: Client, text: str, extent: Extent, output: Output, *, oldest_first: bool) -> None:
    """Shows events, the newest first unless told otherwise."""

    async def fetch(size: int, token: str) -> tuple[Sequence[audit_pb2.AuditEvent], str]:
        return await _page(client, text, size, token, oldest_first=oldest_first)

    events, more = await collect(fetch, extent)
    output.listing("events", [event_document(event) for event in events], _COLUMNS, more=more)


async def verify_log(client: Client, since: ChainHead | None, output: Output) -> None:
    """Computes every link anew and shows the head. Raises Refused where the log is not what was written."""
    verifier, token = ChainVerifier(since), ""
    try:
        while True:
            events, token = await _page(client, "", _PAGE, token, oldest_first=True)
            for event in events:
                verifier.take(event)
            if not token:
                break
        head = verifier.end()
    except ChainBroken as broken:
        raise Refused(
            f"the audit log is broken {broken}", "AUDIT_CHAIN_BROKEN", "keep a copy of the database and find out who"
        ) from None
    document = {"events": head.sequence, "head": str(head), "verified": True}
    output.done(document, f"{head.sequence} events are as they were written; the head is {head}")


async def _page(
    client: Client, text: str, size: int, token: str, *, oldest_first: bool
) -> tuple[Sequence[audit_pb2.AuditEvent], str]:
    request = audit_service_pb2.ListAuditEventsRequest(
        filter=text, page_size=size, page_token=token, oldest_first=oldest_first
    )
    page = await client.audit.ListAuditEvents(request, timeout=CALL_SECONDS)
    return page.events, page.next_page_token
