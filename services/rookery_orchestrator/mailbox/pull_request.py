"""One request for mail, as JetStream has it."""

import asyncio
import json
from enum import Enum, auto

from nats.aio.msg import Msg

from rookery_orchestrator.mailbox.consumers import STREAM

TIME_OVER = "408"
_TOO_LARGE = "Message Size Exceeds MaxBytes"


class PullEnd(Enum):
    """Why no more mail comes on a request."""

    FULL = auto()
    EMPTY = auto()
    MORE = auto()
    MISSING = auto()


class PullRequest:
    """A request for so many messages, and what has come of it."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.messages: list[Msg] = []
        self.end: PullEnd | None = None
        self.done = asyncio.Event()

    def add(self, message: Msg) -> None:
        """Takes mail that arrived."""
        self.messages.append(message)
        if len(self.messages) == self._count:
            # Nothing else is waiting: no need to ask again.
            self.finish(PullEnd.FULL if message.metadata.num_pending else PullEnd.EMPTY)

    def answered(self, answer: Msg, _part: int = 0) -> None:
        """Takes what the server says in place of mail."""
        headers = answer.headers or {}
        status = headers.get("Status")
        if status in {"404", TIME_OVER}:
            self.finish(PullEnd.EMPTY)
        elif status == "409" and headers.get("Description") == _TOO_LARGE:
            self.finish(PullEnd.MORE)
        else:
            # No such consumer, or its leader moved: it is to be seen to before the next request.
            self.finish(PullEnd.MISSING)

    def finish(self, end: PullEnd) -> None:
        """Notes that no more is expected."""
        if self.end is None:
            self.end = end
            self.done.set()


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
