"""nats-py's client where a service spends most of its time on it: many messages out at once, many messages in."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import BadHeaderError, ConnectionClosedError, OutboundBufferLimitError

_VERSION = "NATS/1.0\r\n"
_PLAIN = _VERSION.encode()
_log = structlog.get_logger(__name__)


class Frame:
    """A message as it goes over the wire, with headers."""

    __slots__ = ("encoded", "size")

    def __init__(self, subject: str, headers: Mapping[str, str], payload: bytes, reply: str = "") -> None:
        """Raises BadHeaderError when a line break in what it is given would make it several messages."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"{_VERSION}{lines}\r\n".encode()
        if lines.count("\n") != len(headers) or "\n" in subject:
            raise BadHeaderError("a line break in a header or a subject")
        address = f"{subject} {reply}" if reply else subject
        command = f"HPUB {address} {len(head)} {len(head) + len(payload)}\r\n".encode()
        self.encoded = b"".join((command, head, payload, b"\r\n"))
        self.size = len(payload)


class Question(NamedTuple):
    """A message to which an answer is expected."""

    subject: str
    headers: Mapping[str, str]
    payload: bytes


class BulkClient(Client):
    """Publishes many messages in one write, and reads the headers of what arrives only where somebody asks for them.

    Both are half of what nats-py takes for a message; what stands between the socket and whoever waits, two tasks and
    two queues, can be left out as well. It also goes on reading after a flush that was given up. It stands on what
    nats-py 2.16 has inside, so that version is locked, and tests hold it against the client as it is.
    """

    def __init__(self) -> None:
        super().__init__()
        self._questions = count()
        self._asked: dict[str, asyncio.Future[Msg | None]] = {}
        self._answers_to = ""
        self._opening = asyncio.Lock()

    async def hear(self, subject: str, take: Callable[[Msg], None]) -> Subscription:
        """Subscribes, and hands each message over as it is read. Whoever takes them is quick and raises nothing."""
        subscription = await self.subscribe(subject)
        early = subscription._pending_queue  # noqa: SLF001 -- see _HandingOver
        handing_over = _HandingOver(subscription, take)
        subscription._pending_queue = handing_over  # noqa: SLF001
        while not early.empty():
            handing_over.put_nowait(early.get_nowait())
        return subscription

    async def publish_frames(self, frames: Iterable[Frame]) -> None:
        """Publishes messages in their order. Raises ConnectionClosedError, or OutboundBufferLimitError."""
        self._hand_over(frames)
        if self.is_connected and self._transport is not None:
            try:
                await self._transport.drain()  # type: ignore[no-untyped-call]
            except OSError as error:
                await self._error_cb(error)
                await self._process_op_err(error)

    async def ask_all(self, questions: Sequence[Question], timeout: float) -> list[Msg | None]:
        """Publishes messages in their order, in one write, and answers their answers in that order.

        None: it had none within `timeout` seconds, or will have none because the connection was lost. Raises
        ConnectionClosedError, or OutboundBufferLimitError. It waits for no room on the way to a server that does not
        read, so who asks bounds what is asked at a time.
        """
        async with self._opening:
            if not self._answers_to:
                inbox = self.new_inbox()
                await self.hear(f"{inbox}.*", self._answered)
                self._answers_to = inbox
        loop = asyncio.get_running_loop()
        keys = [f"{self._answers_to}.{next(self._questions)}" for _ in questions]
        answers: list[asyncio.Future[Msg | None]] = [loop.create_future() for _ in questions]
        self._asked.update(zip(keys, answers, strict=True))
        giving_up = loop.call_later(timeout, _answer_none, answers)
        try:
            self._hand_over(Frame(*question, reply=key) for question, key in zip(questions, keys, strict=True))
            return [await answer for answer in answers]
        finally:
            giving_up.cancel()
            for key in keys:
                self._asked.pop(key, None)

    def lose_answers(self) -> None:
        """Answers with None what was asked over a connection that is no more."""
        _answer_none(self._asked.values())

    def _answered(self, answer: Msg) -> None:
        asked = self._asked.pop(answer.subject, None)
        if asked is not None and not asked.done():
            asked.set_result(answer)

    def _hand_over(self, frames: Iterable[Frame]) -> None:
        """Writes to the transport, after whatever the client was given before; without one, it is kept for the next.

        No more is kept than the client keeps as it is.
        """
        if self.is_closed:
            raise ConnectionClosedError
        several = list(frames)
        encoded = b"".join([frame.encoded for frame in several])
        if not self.is_connected and self._pending_data_size + len(encoded) > self._max_pending_size:
            raise OutboundBufferLimitError
        self.stats["out_msgs"] += len(several)
        self.stats["out_bytes"] += sum(frame.size for frame in several)
        self._pending.append(encoded)
        self._pending_data_size += len(encoded)
        if self.is_connected and self._transport is not None:
            try:
                self._transport.write(b"".join(self._pending))
            except RuntimeError:
                _log.info("the connection is closed; what is pending goes over the next one")
            else:
                self._pending, self._pending_data_size = [], 0

    async def _process_pong(self) -> None:
        if self._pongs and self._pongs[0].done():
            # Whoever waited for it has given up. The client as it is fails over that, and reads nothing more.
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def _process_headers(self, headers: bytes | None) -> Any:  # noqa: ANN401 -- a mapping, or what the client makes of a status
        if headers and headers.startswith(_PLAIN):
            return _UnreadHeaders(headers[len(_PLAIN) :], self._parse_header_lines)
        return await super()._process_headers(headers)


def _answer_none(answers: Iterable["asyncio.Future[Msg | None]"]) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_result(None)


class _HandingOver(asyncio.Queue[Msg]):
    """Stands where a subscription keeps its messages, and keeps none."""

    def __init__(self, subscription: Subscription, take: Callable[[Msg], None]) -> None:
        super().__init__()
        self._subscription = subscription
        self._take = take

    def put_nowait(self, message: Msg) -> None:
        """Hands a message over."""
        self._subscription._pending_size -= len(message.data)  # noqa: SLF001 -- the client has just added it
        try:
            self._take(message)
        except Exception:
            # The client would read nothing more.
            _log.exception("a message was not taken", subject=message.subject)


class _UnreadHeaders(Mapping[str, str]):
    """Headers that are parsed when they are first looked at."""

    __slots__ = ("_parse", "_raw", "_read")

    def __init__(self, raw: bytes, parse: Any) -> None:  # noqa: ANN401 -- not typed by the library
        self._raw = raw
        self._parse = parse
        self._read: dict[str, str] | None = None

    def _all(self) -> dict[str, str]:
        if self._read is None:
            self._read = self._parse(self._raw)
        assert self._read is not None
        return self._read

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())
