"""The chain that ties each event of an audit log to the one before it; whoever reads the log can verify it.

`docs/security.md` gives the canonical form, so that it can be computed in any language.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from rookery.auth.v1 import audit_pb2

GENESIS = bytes(32)
"""What stands for the hash of the link before the first."""

_VERSION = "rookery-audit-1"
_OUTCOME = "AUDIT_OUTCOME_"


class ChainBroken(Exception):
    """The log is not what was written; `sequence` is the place where that shows."""

    def __init__(self, sequence: int, fault: str) -> None:
        super().__init__(f"at sequence {sequence}: {fault}")
        self.sequence = sequence
        self.fault = fault


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The last link of a log: how many events it has, and the hash that stands for all of them."""

    sequence: int = 0
    hash: bytes = GENESIS

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> "ChainHead":
        """A head as written by `str`. Raises ValueError."""
        sequence, _, digest = text.partition(":")
        head = cls(int(sequence), bytes.fromhex(digest))
        if head.sequence < 0 or len(head.hash) != len(GENESIS):
            raise ValueError("a head is SEQUENCE:HASH, the hash in 64 hex digits")
        return head

    def extended(self, event: audit_pb2.AuditEvent) -> "ChainHead":
        """The head after one more event, whatever link that one bears."""
        sequence = self.sequence + 1
        return ChainHead(sequence, hashlib.sha256(canonical_form(event, sequence, self.hash)).digest())


class ChainVerifier:
    """Follows a log from its first event on. With the head of an earlier look, the log must lead through that."""

    def __init__(self, since: ChainHead | None = None) -> None:
        self.head = ChainHead()
        self._since = since

    def take(self, event: audit_pb2.AuditEvent) -> None:
        """Checks the next event. Raises ChainBroken where one was changed, removed, added or moved."""
        expected = self.head.extended(event)
        link = event.link
        if link.sequence != expected.sequence:
            raise ChainBroken(expected.sequence, f"the event is missing; {link.sequence} follows")
        if link.previous_hash != self.head.hash:
            raise ChainBroken(link.sequence, "the event does not follow upon the one before it")
        if link.hash != expected.hash:
            raise ChainBroken(link.sequence, "the event is not what was written")
        self._compare(expected)
        self.head = expected

    def end(self) -> ChainHead:
        """The head, after the last event. Raises ChainBroken when the log ends before the head of the earlier look."""
        if self._since is not None and self.head.sequence < self._since.sequence:
            fault = f"the log ends here; it had {self._since.sequence} events"
            raise ChainBroken(self.head.sequence, fault)
        return self.head

    def _compare(self, head: ChainHead) -> None:
        since = self._since
        if since is not None and head.sequence == since.sequence and head.hash != since.hash:
            raise ChainBroken(head.sequence, "the log was written anew: here it had another hash")


def canonical_form(event: audit_pb2.AuditEvent, sequence: int, previous_hash: bytes) -> bytes:
    """What is hashed: each field in a fixed order, after its length in four bytes, the most significant first."""
    return b"".join(len(field).to_bytes(4, "big") + field for field in _fields(event, sequence, previous_hash))


def _fields(event: audit_pb2.AuditEvent, sequence: int, previous_hash: bytes) -> Iterator[bytes]:
    yield _VERSION.encode()
    yield str(sequence).encode()
    yield previous_hash
    yield from (text.encode() for text in (event.id, event.tenant, event.service, event.actor))
    yield str(len(event.delegates)).encode()
    yield from (delegate.encode() for delegate in event.delegates)
    outcome = audit_pb2.AuditOutcome.Name(event.outcome).removeprefix(_OUTCOME)
    yield from (text.encode() for text in (event.action, event.resource, outcome, event.reason))
    yield from (text.encode() for text in (event.token_id, event.trace_id, str(event.event_time.ToMicroseconds())))
    details = sorted((key.encode(), value.encode()) for key, value in event.details.items())
    yield str(len(details)).encode()
    for key, value in details:
        yield key
        yield value
