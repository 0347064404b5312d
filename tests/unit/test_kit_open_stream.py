"""Ending a stream from here, while a frame is being written and else."""

import asyncio

import pytest
from harness.eventually import eventually
from rookery_kit.rpc import open_stream
from rookery_kit.rpc.open_stream import OpenStream
from rookery_kit.stream_end import caller_is_gone


class Wire:
    """A call that takes a frame when the test lets it."""

    def __init__(self) -> None:
        self.writing: list[str] = []
        self.written: list[str] = []
        self.reads = asyncio.Event()

    async def write(self, frame: str) -> None:
        self.writing.append(frame)
        await self.reads.wait()
        self.written.append(frame)


class Handler:
    """Writes one frame after another, and notes how it ended."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.stream: OpenStream | None = None
        self.blamed: list[bool] = []
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        self.stream = OpenStream(None)
        try:
            while True:
                await self.stream.write(self.wire, "frame")
        finally:
            self.blamed.append(caller_is_gone())

    async def opened(self) -> OpenStream:
        await eventually(lambda: self.wire.writing)
        assert self.stream is not None
        return self.stream


async def test_what_is_being_written_is_written_to_its_end_and_nothing_after_it() -> None:
    handler = Handler(Wire())
    stream = await handler.opened()
    stream.end()
    stream.end()
    await asyncio.wait({handler.task}, timeout=0.05)
    assert not handler.task.done()
    handler.wire.reads.set()
    await asyncio.wait({handler.task}, timeout=5)
    assert (handler.task.cancelled(), handler.wire.written, handler.blamed) == (True, ["frame"], [False])


async def test_a_caller_that_reads_nothing_holds_the_end_up_no_longer_than_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_stream, "_WRITING_SECONDS", 0.05)
    handler = Handler(Wire())
    (await handler.opened()).end()
    await asyncio.wait({handler.task}, timeout=5)
    assert (handler.task.cancelled(), handler.wire.written, handler.blamed) == (True, [], [False])


async def test_a_caller_that_goes_away_while_it_is_written_to_is_gone() -> None:
    handler = Handler(Wire())
    await handler.opened()
    handler.task.cancel()
    await asyncio.wait({handler.task}, timeout=5)
    assert (handler.task.cancelled(), handler.blamed) == (True, [True])
