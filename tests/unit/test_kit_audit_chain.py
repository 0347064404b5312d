import hashlib
from datetime import UTC, datetime

import pytest
from rookery.auth.v1 import audit_pb2
from rookery_kit.audit_chain import GENESIS, ChainBroken, ChainHead, ChainVerifier, canonical_form

NOW = datetime(2026, 11, 21, 8, 30, 0, 123456, tzinfo=UTC)


def event(**fields: object) -> audit_pb2.AuditEvent:
    made = audit_pb2.AuditEvent(
        id="0199a1b2-0000-7000-8000-000000000001",
        tenant="acme",
        actor="user:jane",
        delegates=["agent:a"],
        action="rookery.auth.v1.PolicyService/BindRole",
        resource="bindings/user:joe/observer",
        outcome=audit_pb2.AUDIT_OUTCOME_SUCCEEDED,
        token_id="t",
        trace_id="",
        event_time=NOW,
        details={"ä": "2", "b": "1"},
        service="auth",
    )
    made.MergeFrom(audit_pb2.AuditEvent(**fields))  # type: ignore[arg-type]
    return made


def linked(*events: audit_pb2.AuditEvent) -> list[audit_pb2.AuditEvent]:
    head = ChainHead()
    for each in events:
        following = head.extended(each)
        each.link.CopyFrom(
            audit_pb2.AuditLink(sequence=following.sequence, previous_hash=head.hash, hash=following.hash)
        )
        head = following
    return list(events)


def verified(events: list[audit_pb2.AuditEvent], since: ChainHead | None = None) -> ChainHead:
    verifier = ChainVerifier(since)
    for each in events:
        verifier.take(each)
    return verifier.end()


@pytest.mark.capability("A8")
def test_the_canonical_form_is_the_documented_one() -> None:
    fields: list[str | bytes] = [
        *("rookery-audit-1", "7", GENESIS, "0199a1b2-0000-7000-8000-000000000001", "acme", "auth", "user:jane"),
        *("1", "agent:a", "rookery.auth.v1.PolicyService/BindRole", "bindings/user:joe/observer", "SUCCEEDED", ""),
        *("t", "", "1795249800123456", "2", "b", "1", "ä", "2"),
    ]
    written = b""
    for field in fields:
        raw = field.encode() if isinstance(field, str) else field
        written += len(raw).to_bytes(4, "big") + raw
    assert canonical_form(event(), 7, GENESIS) == written
    assert ChainHead(6, GENESIS).extended(event()) == ChainHead(7, hashlib.sha256(written).digest())


@pytest.mark.capability("A8")
@pytest.mark.parametrize(
    "fields",
    [
        {"actor": "user:joe"},
        {"delegates": ["agent:b"]},
        {"outcome": audit_pb2.AUDIT_OUTCOME_DENIED},
        {"details": {"b": "2"}},
        {"details": {"c": ""}},
        {"reason": "PERMISSION_MISSING"},
        {"service": "registry"},
    ],
)
def test_whatever_is_changed_shows(fields: dict[str, object]) -> None:
    events = linked(event(), event(), event())
    events[1].MergeFrom(audit_pb2.AuditEvent(**fields))  # type: ignore[arg-type]
    with pytest.raises(ChainBroken, match="at sequence 2: the event is not what was written"):
        verified(events)


@pytest.mark.capability("A8")
def test_a_gap_a_move_and_a_cut_show() -> None:
    events = linked(event(actor="user:a"), event(actor="user:b"), event(actor="user:c"))
    head = verified(events)
    assert (head.sequence, ChainHead.parse(str(head))) == (3, head)
    with pytest.raises(ChainBroken, match="at sequence 2: the event is missing; 3 follows"):
        verified([events[0], events[2]])
    with pytest.raises(ChainBroken, match="at sequence 1"):
        verified([events[1], events[0], events[2]])
    assert verified(events[:2]).sequence == 2
    with pytest.raises(ChainBroken, match="the log ends here; it had 3 events"):
        verified(events[:2], head)
    anew = linked(event(actor="user:x"), event(actor="user:b"), event(actor="user:c"), event())
    with pytest.raises(ChainBroken, match="the log was written anew"):
        verified(anew, head)
    assert verified(linked(*events, event()), head).sequence == 4


@pytest.mark.parametrize("text", ["", "7", "7:ab", "x:" + "0" * 64, "-1:" + "0" * 64, "7:" + "g" * 64])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ChainHead.parse(text)
