"""Why the bus did not take what was published."""

from collections.abc import Mapping

from rookery_kit.errors import ResourceExhausted, Unavailable

_DUPLICATE_IN_BATCH = 10201
_SUBJECT_FULL = "per subject"
_FULL = frozenset({10047, 10054, 10077, 10122})
# The batch is not there any more (its beginning was lost with a connection or a server), or there are too many.
_ABANDONED = frozenset({10176, 10210, 10211})


class BusUnavailable(Unavailable):
    """NATS does not answer. A message under way may have been stored; its id makes sending again safe."""

    reason = "BUS_UNAVAILABLE"


class BatchAbandoned(BusUnavailable):
    """The server gave an atomic batch up before its end. Nothing of it was stored."""


class StreamFull(ResourceExhausted):
    """The stream, or what it takes for one subject, is at its limit; nothing was stored."""

    reason = "MAILBOX_FULL"

    def __init__(self, message: str, *, of_subject: bool) -> None:
        whose = "mailbox" if of_subject else "stream"
        super().__init__(message, retry_after=1.0, quota_violations=((whose, message),))
        self.of_subject = of_subject


class PayloadTooLarge(ResourceExhausted):
    """The message is larger than the bus carries; nothing was stored, and sending it again will not help."""

    reason = "MESSAGE_TOO_LARGE"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"a message of {size} bytes; the bus carries at most {limit}", limit=str(limit))


class DuplicateInBatch(Exception):
    """A message id of an atomic batch is known to the stream, or comes twice in it. Nothing of it was stored."""


def refusal(error: Mapping[str, object]) -> Exception:
    """What an error that the server answered means."""
    code, description = error.get("err_code"), str(error.get("description", ""))
    if code in _FULL:
        of_subject = _SUBJECT_FULL in description
        return StreamFull("the mailbox is full" if of_subject else "the stream is full", of_subject=of_subject)
    if code == _DUPLICATE_IN_BATCH:
        return DuplicateInBatch()
    if code in _ABANDONED:
        return BatchAbandoned(f"the bus gave the batch up: {description}")
    return BusUnavailable(f"the bus refused the message: {description}")
