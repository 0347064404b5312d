"""One request for mail, as JetStream has it."""

import asyncio
import json
from enum import Enum, auto

from nats.aio.msg import Msg

from rookery_orchestrator.mailbox.consumers import STREAM

_TIME_OVER = "408"
# What one request was to bring has been reached, in bytes or, where it names a limit for these, in messages.
_DONE = {"Message Size Exceeds MaxBytes", "Batch Completed"}
_SHORT_FORM = 9


class PullEnd(Enum):
    """Why no more mail comes on a request."""

    FULL = auto()
    EMPTY = auto()
    MORE = auto()
    MISSING = auto()


class PullRequest:
    """A request for so many messages, and what has come of it."""

    def __init__(self, count: int) -> None:
        self._missing = count
        self.end: PullEnd | None = None
        self.done = asyncio.Event()

    def add(self, message: Msg) -> None:
        """Takes note of mail that arrived."""
        self._missing -= 1
        if self._missing == 0:
            # Nothing else is waiting: no need to ask again.
            self.finish(PullEnd.FULL if pending_behind(message) else PullEnd.EMPTY)

    def answered(self, answer: Msg, _part: int = 0) -> None:
        """Takes what the server says in place of mail."""
        self.finish(pull_end(answer))

    def finish(self, end: PullEnd) -> None:
        """Notes that no more is expected."""
        if self.end is None:
            self.end = end
            self.done.set()


def pull_end(answer: Msg) -> PullEnd:
    """Why the server gives up a request, as it says in place of mail."""
    headers = answer.headers or {}
    status = headers.get("Status")
    if status in {"404", _TIME_OVER}:
        return PullEnd.EMPTY
    if status == "409" and headers.get("Description") in _DONE:
        return PullEnd.MORE
    # No such consumer, or its leader moved: it is to be seen to before the next request.
    return PullEnd.MISSING


def still_wanted(answer: Msg) -> int:
    """How much a request that the server gives up would have brought."""
    return int((answer.headers or {}).get("Nats-Pending-Messages", 0))


def pull_subject(consumer: str) -> str:
    """Where a consumer is asked for mail."""
    return f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}"


def pull_now(count: int, max_bytes: int) -> bytes:
    """A request for what is there at this moment."""
    return json.dumps({"batch": count, "max_bytes": max_bytes, "no_wait": True}).encode()


def ring_when_ready(seconds: float) -> bytes:
    """A request that is answered as soon as there is mail, and never takes any.

    No message fits into one byte, so the server refuses to deliver and says so, and counts no attempt.
    """
    return json.dumps({"batch": 1, "max_bytes": 1, "expires": int(seconds * 1e9)}).encode()


def pull_as_it_comes(count: int, max_bytes: int, seconds: float) -> bytes:
    """A request for what is there, and for so long for what comes."""
    return json.dumps({"batch": count, "max_bytes": max_bytes, "expires": int(seconds * 1e9)}).encode()


def delivery_tokens(message: Msg) -> list[str]:
    """What the broker says of a delivery.

    Its attempt, the place of the mail, the number of the delivery, when the mail was stored (nanoseconds since the
    epoch), and how many more are waiting behind it.
    They are read out of the reply subject here, because the driver makes much more of it than is needed for each
    message: `$JS.ACK.<stream>.<consumer>.` and these, or with two more tokens before the stream and one at the end.
    """
    tokens = message.reply.split(".")
    first = 4 if len(tokens) == _SHORT_FORM else 6
    return tokens[first : first + 5]


def pending_behind(message: Msg) -> int:
    """How many messages the consumer had left to hand out when it handed this one out."""
    return int(delivery_tokens(message)[4])
