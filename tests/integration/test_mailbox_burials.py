"""Burying mail of which its consumer knows no more, and mail that is not where it was."""

from collections.abc import Sequence
from typing import cast

import pytest
from nats.js.errors import NotFoundError
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import mail_subject
from rookery_kit.clock import SystemClock
from rookery_orchestrator.mailbox.broker import Handle, Settling, Verdict
from rookery_orchestrator.mailbox.dead_letters import DeadLetters
from rookery_orchestrator.mailbox.failure_history import FailureHistory
from rookery_orchestrator.mailbox.model import DeadReason, Priority, ReceivingSession
from rookery_orchestrator.mailbox.verdicts import Verdicts

pytestmark = pytest.mark.capability("M3")


class Forgotten:
    """The consumers are gone that handed anything out."""

    def __init__(self) -> None:
        self.told: list[Verdict] = []

    async def settle(self, verdicts: Sequence[Verdict]) -> list[bool]:
        self.told += verdicts
        return [False] * len(verdicts)


async def stored(bus: Bus, agent_id: str = "7") -> Handle:
    """A piece of mail that was taken out."""
    await bus.publish(mail_subject("acme", agent_id, "normal"), b"", message_id=f"mail of {agent_id}")
    place = (await bus.jetstream.stream_info("MAIL")).state.last_seq
    mail = await bus.jetstream.get_msg("MAIL", place)
    assert mail.time is not None
    return Handle(place, Priority.NORMAL, 1, "token", stored_ns=int(mail.time.timestamp() * 1e9))


def dead_letters(bus: Bus, verdicts: Forgotten) -> DeadLetters:
    history = FailureHistory(bus, SystemClock(), "acme", "7", ReceivingSession(1))
    return DeadLetters(bus, cast("Verdicts", verdicts), history, SystemClock(), "acme", "7")


async def bury(bus: Bus, handle: Handle, verdicts: Forgotten) -> bool:
    return await dead_letters(bus, verdicts).bury(handle, DeadReason.TERMINATED, "", 1)


async def count(bus: Bus, stream: str) -> int:
    return (await bus.jetstream.stream_info(stream)).state.messages


async def test_mail_is_removed_also_when_its_consumer_was_lost_after_the_dead_letter_was_written(bus: Bus) -> None:
    handle, verdicts = await stored(bus), Forgotten()
    assert await bury(bus, handle, verdicts)
    assert [verdict.settling for verdict in verdicts.told] == [Settling.GIVE_UP]
    assert await count(bus, "DLQ") == 1
    with pytest.raises(NotFoundError):
        await bus.jetstream.get_msg("MAIL", handle.sequence)
    assert not await bury(bus, handle, verdicts), "it is gone"
    assert await count(bus, "DLQ") == 1


async def test_other_mail_that_is_at_its_place_by_now_is_left_alone(bus: Bus) -> None:
    of_another = await stored(bus, "8")
    stored_since = (await stored(bus))._replace(stored_ns=of_another.stored_ns - 60_000_000_000)
    for handle in (of_another, stored_since):
        assert not await bury(bus, handle, Forgotten())
    assert (await count(bus, "DLQ"), await count(bus, "MAIL")) == (0, 2)
