"""Waiting for a condition with a bound, the only way a test waits."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]],
    *,
    within: float = ...,
    every: float = ...,
    retry: tuple[type[BaseException], ...] = ...,
) -> T: ...
@overload
async def eventually(
    condition: Callable[[], T],
    *,
    within: float = ...,
    every: float = ...,
    retry: tuple[type[BaseException], ...] = ...,
) -> T: ...
async def eventually(
    condition: Callable[[], object],
    *,
    within: float = 10.0,
    every: float = 0.02,
    retry: tuple[type[BaseException], ...] = (AssertionError,),
) -> object:
    """Repeats `condition` until it answers something true, and answers that.

    The condition may be a plain or an async function; one that raises an error out of `retry` is not fulfilled yet.
    After `within` seconds the test fails, naming the last answer or error. One attempt that hangs is cut off, too.
    """
    give_up = time.monotonic() + within
    last: object = None
    while True:
        try:
            answer = condition()
            if inspect.isawaitable(answer):
                answer = await asyncio.wait_for(answer, max(give_up - time.monotonic(), every))
            if answer:
                return answer
            last = answer
        except retry as error:
            last = error
        except TimeoutError:
            last = "an attempt that did not end"
        if time.monotonic() > give_up:
            raise AssertionError(f"{_described(condition)} was not fulfilled within {within} s; last: {last!r}")
        await asyncio.sleep(every)


def _described(condition: Callable[[], object]) -> str:
    name = getattr(condition, "__qualname__", repr(condition))
    code = getattr(condition, "__code__", None)
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if code else name
