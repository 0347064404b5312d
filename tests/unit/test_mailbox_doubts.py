"""Which mail is looked for in the inbox, and of which the summary is believed."""

import asyncio
from typing import cast

import pytest
from rookery_orchestrator.mailbox.broker import Handle
from rookery_orchestrator.mailbox.doubts import Doubts
from rookery_orchestrator.mailbox.inbox_summary import Complete, InboxSummary
from rookery_orchestrator.mailbox.model import Priority

pytestmark = pytest.mark.capability("M6")
KNOWN, NEW = b"known", b"new"


class Summary:
    """Complete up to a moment that the test sets."""

    age = 3.0

    def __init__(self) -> None:
        self.complete: Complete | None = None

    def may_hold(self, key: bytes) -> bool:
        return key == KNOWN

    def complete_after(self, seconds: float, place: int) -> None:
        self.complete = Complete(asyncio.get_running_loop().time() + seconds, place)


def mail(place: int, attempt: int = 1) -> Handle:
    return Handle(place, Priority.NORMAL, attempt, "token")


def doubts(summary: Summary) -> Doubts:
    return Doubts(cast("InboxSummary", summary))


async def test_without_a_summary_all_mail_is_doubtful() -> None:
    held = doubts(Summary())
    held.begin()
    assert held.about(mail(1), NEW)


async def test_a_summary_from_before_the_mailbox_was_held_for_a_while_is_not_believed() -> None:
    summary = Summary()
    held = doubts(summary)
    held.begin()
    summary.complete_after(2.9, place=10)
    assert held.about(mail(11), NEW)
    summary.complete_after(3.1, place=20)
    assert held.about(mail(20), NEW)
    assert not held.about(mail(21), NEW)


async def test_what_was_stored_before_or_handed_out_before_or_may_be_known_is_doubtful() -> None:
    summary = Summary()
    held = doubts(summary)
    held.begin()
    summary.complete_after(5, place=20)
    assert not held.about(mail(21), NEW)
    assert held.about(mail(20), NEW)
    assert held.about(mail(21, attempt=2), NEW)
    assert held.about(mail(21), KNOWN)
    summary.complete_after(9, place=40)
    assert not held.about(mail(30), NEW), "nobody else was given what came since"


async def test_a_mailbox_that_is_taken_anew_is_doubtful_anew() -> None:
    summary = Summary()
    held = doubts(summary)
    assert held.about(mail(1), NEW), "it has not been taken at all"
    held.begin()
    summary.complete_after(5, place=20)
    assert not held.about(mail(21), NEW)
    summary.complete_after(0, place=30)
    held.begin()
    assert held.about(mail(31), NEW)
