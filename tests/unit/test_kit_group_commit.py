import asyncio
from collections.abc import Sequence

import pytest
from harness.eventually import eventually
from rookery_kit.group_commit import GroupCommit


class Ledger:
    """Commits when it is told to, and notes the groups."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.may_commit = asyncio.Event()
        self.may_commit.set()

    async def commit(self, items: Sequence[int]) -> Sequence[int]:
        self.groups.append(list(items))
        await self.may_commit.wait()
        if 13 in items:
            raise LookupError("13")
        return [item * 10 for item in items]


async def test_what_comes_while_a_group_is_committed_makes_the_next() -> None:
    ledger = Ledger()
    commits = GroupCommit(ledger.commit)
    ledger.may_commit.clear()
    first = commits.submit_all([1])
    await eventually(lambda: ledger.groups == [[1]])
    rest = [commits.submit_all([2, 3]), commits.submit_all([4])]
    ledger.may_commit.set()
    assert (await first, *await asyncio.gather(*rest)) == ([10], [20, 30], [40])
    assert ledger.groups == [[1], [2, 3, 4]]


async def test_a_caller_that_is_alone_waits_for_nobody() -> None:
    ledger = Ledger()
    assert await GroupCommit(ledger.commit).submit(5) == 50


async def test_a_group_is_bounded_and_what_was_handed_in_at_once_is_not_torn_apart() -> None:
    ledger = Ledger()
    commits = GroupCommit(ledger.commit, largest_group=3)
    answers = [commits.submit_all(items) for items in ([1, 2], [3, 4], [5], [6, 7, 8, 9])]
    await asyncio.gather(*answers)
    assert ledger.groups == [[1, 2], [3, 4, 5], [6, 7, 8, 9]]


async def test_an_error_reaches_everybody_of_the_group_and_nobody_else() -> None:
    ledger = Ledger()
    commits = GroupCommit(ledger.commit, largest_group=2)
    unlucky, also, lucky = commits.submit_all([13]), commits.submit_all([1]), commits.submit_all([2])
    for answer in (unlucky, also):
        with pytest.raises(LookupError):
            await answer
    assert await lucky == [20]


async def test_a_caller_that_gives_up_takes_nothing_from_the_others() -> None:
    ledger = Ledger()
    commits = GroupCommit(ledger.commit)
    ledger.may_commit.clear()
    gone, stays = commits.submit_all([1]), commits.submit_all([2])
    gone.cancel()
    ledger.may_commit.set()
    assert await stays == [20]


async def test_what_comes_while_it_is_gathered_is_in_the_group() -> None:
    ledger, gathered = Ledger(), asyncio.Event()

    async def gather() -> None:
        await gathered.wait()

    commits = GroupCommit(ledger.commit, gather=gather)
    first, second = commits.submit_all([1]), commits.submit_all([2])
    gathered.set()
    await asyncio.gather(first, second)
    assert ledger.groups == [[1, 2]]
