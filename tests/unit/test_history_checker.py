"""The checker finds each broken promise when it is put into a history, and nothing in a history that keeps them all."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from harness.history import Fault, History, Kind, Lane, Note

LANES = [Lane(f"sender-{sender}", "scribe", priority) for sender in range(3) for priority in ("high", "normal")]


def good_history(seed: int = 7, messages: int = 60) -> History:
    """Sends, deliveries and acknowledgements in a random interleaving that breaks no promise.

    Some sends are repeated, some messages are delivered again before they are handled, some are refused for good.
    """
    chance, history = random.Random(seed), History()
    numbers = dict.fromkeys(LANES, 0)
    waiting: dict[Lane, list[Note]] = {lane: [] for lane in LANES}
    for place in range(messages):
        lane = chance.choice(LANES)
        numbers[lane] += 1
        note = Note(Kind.SENDING, f"m-{place}", lane, numbers[lane])
        history.add(note)
        if chance.random() < 0.2:
            history.add(note)
        if chance.random() < 0.1:
            for _ in range(history.notes.count(note)):
                history.add(replace(note, kind=Kind.REFUSED))
            continue
        history.add(replace(note, kind=Kind.ACCEPTED))
        waiting[lane].append(note)
        if chance.random() < 0.5:
            handle(history, waiting[chance.choice([lane for lane in LANES if waiting[lane]])].pop(0), chance)
    for notes in waiting.values():
        for note in notes:
            handle(history, note, chance)
    return history


def handle(history: History, sent: Note, chance: random.Random) -> None:
    for attempt in range(1, 2 + (chance.random() < 0.2)):
        history.add(replace(sent, kind=Kind.DELIVERED, attempt=attempt))
    history.add(replace(sent, kind=Kind.EFFECT))
    history.add(replace(sent, kind=Kind.SETTLED))


def faults(history: History) -> list[Fault]:
    return [finding.fault for finding in history.check()]


def first(history: History, kind: Kind, skip: int = 10) -> int:
    """The place of one of the notes of a kind, somewhere in the middle."""
    return [place for place, note in enumerate(history.notes) if note.kind is kind][skip]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_found_where_every_promise_is_kept(seed: int) -> None:
    assert good_history(seed).check() == []


@pytest.mark.parametrize("seed", range(20))
def test_one_lost_message_that_was_acknowledged_is_found(seed: int) -> None:
    history = good_history(seed)
    lost = history.notes[first(history, Kind.EFFECT)].message_id
    history.notes = [
        note for note in history.notes if note.message_id != lost or note.kind in {Kind.SENDING, Kind.ACCEPTED}
    ]
    assert [(finding.fault, finding.message_id) for finding in history.check()] == [(Fault.LOST, lost)]
    assert history.unfinished() == {lost}


def test_a_message_that_was_delivered_and_never_handled_is_lost_all_the_same() -> None:
    history = good_history()
    place = first(history, Kind.EFFECT)
    lost = history.notes.pop(place).message_id
    assert faults(history) == [Fault.LOST]
    assert lost in str(history.check()[0])


def test_a_message_whose_sending_was_never_acknowledged_may_be_lost() -> None:
    history = good_history()
    lost = history.notes[first(history, Kind.ACCEPTED)].message_id
    history.notes = [note for note in history.notes if note.message_id != lost or note.kind is Kind.SENDING]
    assert history.check() == []


def test_a_message_that_was_given_up_lawfully_is_not_lost() -> None:
    history = good_history()
    given_up = history.notes.pop(first(history, Kind.EFFECT)).message_id
    history.given_up.add(given_up)
    assert history.check() == []


@pytest.mark.parametrize("seed", range(20))
def test_one_duplicate_effect_is_found(seed: int) -> None:
    history = good_history(seed)
    place = first(history, Kind.EFFECT)
    history.notes.insert(place + 1, history.notes[place])
    assert faults(history) == [Fault.DUPLICATE_EFFECT]


def swapped(history: History, same_lane: Callable[[Lane, Lane], bool]) -> History:
    """Two messages that were each delivered once, handled in the other order."""
    once = {
        note.message_id
        for note in history.notes
        if note.kind is Kind.DELIVERED
        and sum(each.kind is Kind.DELIVERED and each.message_id == note.message_id for each in history.notes) == 1
    }
    places = [place for place, note in enumerate(history.notes) if note.kind is Kind.EFFECT and note.message_id in once]
    for early in places:
        for late in places:
            one, other = history.notes[early], history.notes[late]
            if early < late and same_lane(one.lane, other.lane):
                history.notes[early], history.notes[late] = other, one
                return history
    raise AssertionError("the history has no two such messages")


@pytest.mark.parametrize("seed", range(20))
def test_one_break_of_the_order_is_found(seed: int) -> None:
    history = swapped(good_history(seed), lambda one, other: one == other)
    assert set(faults(history)) == {Fault.OUT_OF_ORDER}


def test_the_order_is_that_of_a_sender_to_a_recipient_within_a_priority() -> None:
    for other in (
        Lane("sender-0", "scribe", "normal"),
        Lane("sender-1", "scribe", "high"),
        Lane("sender-0", "clerk", "high"),
    ):
        history, lane = History(), Lane("sender-0", "scribe", "high")
        for note in (Note(Kind.SENDING, "a", lane, 1), Note(Kind.SENDING, "b", other, 2)):
            history.add(note)
        for note in (Note(Kind.DELIVERED, "b", other, 2), Note(Kind.EFFECT, "b", other, 2)):
            history.add(note)
        for note in (Note(Kind.DELIVERED, "a", lane, 1), Note(Kind.EFFECT, "a", lane, 1)):
            history.add(note)
        assert history.check() == []


def test_a_message_that_was_delivered_again_may_come_out_of_order() -> None:
    history, lane = History(), LANES[0]
    for number, message_id in ((1, "a"), (2, "b")):
        history.add(Note(Kind.SENDING, message_id, lane, number))
        history.add(Note(Kind.DELIVERED, message_id, lane, number))
    history.add(Note(Kind.EFFECT, "b", lane, 2))
    history.add(Note(Kind.DELIVERED, "a", lane, 1, attempt=2))
    history.add(Note(Kind.EFFECT, "a", lane, 1))
    assert history.check() == []


def test_what_nobody_sent_and_what_was_refused_is_found_when_it_arrives() -> None:
    history, lane = good_history(), LANES[0]
    history.add(Note(Kind.DELIVERED, "from nowhere", lane, 99))
    refused = Note(Kind.SENDING, "refused", lane, 100)
    history.add(refused)
    history.add(replace(refused, kind=Kind.REFUSED))
    history.add(replace(refused, kind=Kind.DELIVERED))
    assert faults(history) == [Fault.NEVER_SENT, Fault.REFUSED_AND_DELIVERED]


def test_what_comes_again_after_its_acknowledgement_was_confirmed_is_found() -> None:
    history = good_history()
    settled = history.notes[first(history, Kind.SETTLED)]
    history.add(replace(settled, kind=Kind.DELIVERED, attempt=2))
    assert faults(history) == [Fault.DELIVERED_AFTER_SETTLED]
