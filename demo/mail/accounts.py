"""Comparing the records of all agents."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from demo.mail.record import Entry


@dataclass(frozen=True, slots=True)
class Accounts:
    """The mail of the whole fleet.

    `acknowledged` and `delivered` count messages, `repeated` those that were handled more than once, as happens when an
    agent is killed before it can say that it is done. `missing` were acknowledged and not delivered, `unknown` were
    delivered although nobody meant to send them to that agent.
    """

    acknowledged: int
    delivered: int
    repeated: int
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def settle(records: Mapping[str, Iterable[Entry]], names: Mapping[str, str]) -> Accounts:
    """Compares the records, given by the name of the agent. `names` are those of agents by their ids.

    A message whose sender was killed before it saw the acknowledgement is known by recipient and key alone.
    """
    intended: set[tuple[str, str]] = set()
    acknowledged: dict[tuple[str, str], str] = {}
    received: Counter[tuple[str, str]] = Counter()
    keys: dict[tuple[str, str], str] = {}
    for owner, record in records.items():
        for entry in record:
            peer = names.get(entry.peer, entry.peer)
            match entry.event:
                case "intended":
                    intended.add((peer, entry.key))
                case "acknowledged":
                    acknowledged[(peer, entry.message_id)] = entry.key
                case "received":
                    received[(owner, entry.message_id)] += 1
                    keys[(owner, entry.message_id)] = entry.key
    unknown = [
        f"{keys[each]} to {each[0]}"
        for each in received
        if each not in acknowledged and (each[0], keys[each]) not in intended
    ]
    return Accounts(
        acknowledged=len(acknowledged),
        delivered=len(received),
        repeated=sum(count > 1 for count in received.values()),
        missing=tuple(f"{key} to {each[0]}" for each, key in acknowledged.items() if each not in received),
        unknown=tuple(unknown),
    )
