import asyncio

from rookery_kit.spacing import Spacing


async def test_who_is_alone_waits_for_nothing_and_who_follows_soon_waits_for_the_rest() -> None:
    loop, space = asyncio.get_running_loop(), Spacing(0.05)
    begun = []
    for _ in range(3):
        await space()
        begun.append(loop.time())
    assert begun[1] - begun[0] >= 0.05
    assert begun[2] - begun[1] >= 0.05


async def test_the_first_does_not_wait() -> None:
    async with asyncio.timeout(5):
        await Spacing(3600.0)()
