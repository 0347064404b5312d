"""Doing something while other things go on."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def beside(work: Coroutine[Any, Any, T], *endless: Coroutine[Any, Any, Any]) -> T:
    """Runs the work to its end while the others run, and answers its result.

    Raises what any of them raises first; none of them runs any more when this returns.
    """
    main = asyncio.create_task(work)
    others = [asyncio.create_task(each) for each in endless]
    try:
        ended, _ = await asyncio.wait({main, *others}, return_when=asyncio.FIRST_COMPLETED)
        for other in ended - {main}:
            other.result()
        return await main
    finally:
        for task in (main, *others):
            task.cancel()
        await asyncio.gather(main, *others, return_exceptions=True)
