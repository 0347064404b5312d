from pathlib import Path

from demo.mail.accounts import settle
from demo.mail.record import Entry, MailRecord, entries


def sent(recipient: str, key: str, message_id: str) -> list[Entry]:
    return [Entry(1.0, "intended", recipient, key), Entry(2.0, "acknowledged", recipient, key, message_id)]


def received(key: str, message_id: str, attempt: int = 1) -> Entry:
    return Entry(3.0, "received", "agent:x", key, message_id, attempt)


def test_a_record_is_read_back_as_it_was_written_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "reader" / "mail.jsonl"
    MailRecord(file).intend("archivist", "read:a.md")
    MailRecord(file).acknowledge("archivist", "read:a.md", "m1")
    MailRecord(file).receive("agent:x", "filed:a.md", "m2", 1)
    assert [(each.event, each.peer, each.key, each.message_id) for each in entries(file)] == [
        ("intended", "archivist", "read:a.md", ""),
        ("acknowledged", "archivist", "read:a.md", "m1"),
        ("received", "agent:x", "filed:a.md", "m2"),
    ]


def test_an_agent_that_never_had_mail_has_an_empty_record(tmp_path: Path) -> None:
    assert list(entries(tmp_path / "none.jsonl")) == []


def test_what_was_acknowledged_and_arrived_is_settled() -> None:
    accounts = settle({"reader": sent("archivist", "a", "m1"), "archivist": [received("a", "m1")]}, {})
    assert (accounts.acknowledged, accounts.delivered, accounts.repeated) == (1, 1, 0)
    assert accounts.missing == accounts.unknown == ()


def test_what_was_acknowledged_and_never_arrived_is_missing() -> None:
    accounts = settle({"reader": sent("archivist", "a", "m1"), "librarian": [received("a", "m1")]}, {})
    assert accounts.missing == ("a to archivist",)


def test_a_message_that_was_handled_twice_is_counted_apart() -> None:
    again = [received("a", "m1"), received("a", "m1", attempt=2)]
    accounts = settle({"reader": sent("archivist", "a", "m1"), "archivist": again}, {})
    assert (accounts.delivered, accounts.repeated) == (1, 1)


def test_a_message_whose_sender_was_killed_before_the_acknowledgement_is_not_unknown() -> None:
    killed = [Entry(1.0, "intended", "archivist", "a")]
    assert settle({"reader": killed, "archivist": [received("a", "m1")]}, {}).unknown == ()


def test_a_message_that_nobody_meant_for_that_agent_is_unknown() -> None:
    accounts = settle(
        {"reader": sent("archivist", "a", "m1"), "archivist": [received("a", "m1"), received("b", "m2")]}, {}
    )
    assert accounts.unknown == ("b to archivist",)


def test_answers_addressed_by_id_are_told_by_the_name_of_the_agent() -> None:
    records = {"archivist": sent("0198-id", "filed", "m1"), "reader": [received("filed", "m1")]}
    accounts = settle(records, {"0198-id": "reader"})
    assert accounts.missing == accounts.unknown == ()
