"""nats-py's client where a service spends most of its time on it: many messages out at once, many messages in."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import BadHeaderError, ConnectionClosedError

_VERSION = "NATS/1.0\r\n"
_PLAIN = _VERSION.encode()


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

    Both are half of what nats-py takes for a message. It also goes on reading after a flush that was given up. It
    stands on what nats-py 2.16 has inside, so that version is locked, and tests hold it against the client as it is.
    """

    async def publish_frames(self, frames: Iterable[Frame]) -> None:
        """Publishes messages in their order. Raises ConnectionClosedError."""
        if self.is_closed:
            raise ConnectionClosedError
        several = list(frames)
        self.stats["out_msgs"] += len(several)
        self.stats["out_bytes"] += sum(frame.size for frame in several)
        await self._send_command(b"".join([frame.encoded for frame in several]))
        await self._flush_pending()

    async def ask_all(self, questions: Sequence[Question], timeout: float) -> list[Msg | None]:
        """Publishes messages in their order, in one write, and answers their answers in that order.

        None: it had none within `timeout` seconds. Raises ConnectionClosedError.
        """
        if not self._resp_sub_prefix:
            await self._init_request_sub()
        assert self._resp_sub_prefix is not None
        prefix = self._resp_sub_prefix.decode()
        tokens = [self._nuid.next().decode() for _ in questions]
        answers: list[asyncio.Future[Msg]] = [asyncio.get_running_loop().create_future() for _ in questions]
        self._resp_map.update(zip(tokens, answers, strict=True))
        try:
            await self.publish_frames(
                Frame(*question, reply=prefix + token) for question, token in zip(questions, tokens, strict=True)
            )
            await asyncio.wait(answers, timeout=timeout)
        finally:
            for token in tokens:
                self._resp_map.pop(token, None)
        return [answer.result() if answer.done() else None for answer in answers]

    async def _process_pong(self) -> None:
        if self._pongs and self._pongs[0].done():
            # Whoever waited for it has given up. The client as it is fails over that, and reads nothing more.
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    async def _process_headers(self, headers: bytes | None) -> Any:  # noqa: ANN401 -- a mapping, or what the client makes of a status
        if headers and headers.startswith(_PLAIN):
            return _UnreadHeaders(headers[len(_PLAIN) :], self._parse_header_lines)
        return await super()._process_headers(headers)


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
