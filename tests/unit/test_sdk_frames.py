import asyncio
from typing import Any, cast

from harness.eventually import eventually
from rookery_sdk.frames import Outbound


class Call:
    """A call that takes frames when it is let, until it ends."""

    def __init__(self) -> None:
        self.written: list[int] = []
        self.may_write = asyncio.Event()
        self.ended = False

    async def write(self, frame: int) -> None:
        await self.may_write.wait()
        if self.ended:
            raise asyncio.InvalidStateError("the call has ended")
        self.written.append(frame)


async def test_frames_are_written_in_the_order_they_were_sent() -> None:
    call, outbound = Call(), Outbound[int]()
    call.may_write.set()
    writing = asyncio.create_task(outbound.write_to(cast("Any", call)))
    for number in range(1000):
        outbound.send(number)
    await eventually(lambda: len(call.written) == 1000)
    assert call.written == list(range(1000))
    writing.cancel()


async def test_who_sends_too_much_can_wait_until_it_is_written() -> None:
    call, outbound = Call(), Outbound[int]()
    writing = asyncio.create_task(outbound.write_to(cast("Any", call)))
    await asyncio.wait_for(outbound.drained(), 1)
    for number in range(1000):
        outbound.send(number)
    drained = asyncio.create_task(outbound.drained())
    await asyncio.wait({drained}, timeout=0.02)
    assert not drained.done()
    call.may_write.set()
    await asyncio.wait_for(drained, 1)
    writing.cancel()


async def test_nobody_waits_for_a_stream_that_has_ended() -> None:
    call, outbound = Call(), Outbound[int]()
    writing = asyncio.create_task(outbound.write_to(cast("Any", call)))
    for number in range(1000):
        outbound.send(number)
    call.ended = True
    call.may_write.set()
    await asyncio.wait_for(outbound.drained(), 1)
    await asyncio.wait_for(writing, 1)
    for number in range(1000):
        outbound.send(number)
    await asyncio.wait_for(outbound.drained(), 1)
    assert call.written == []
