"""What one agent notes of its mail, a line each, in a file that outlives its process."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

# A message is intended before it is sent, acknowledged once sending it has returned, received once it was handled.
Event = Literal["intended", "acknowledged", "received"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `peer` is the recipient's name or id, or the sender's subject; `key` names what the message is about.

    `message_id` of an intended message is empty: its id is known once it was sent. `at` is in seconds since 1970.
    """

    at: float
    event: Event
    peer: str
    key: str
    message_id: str = ""
    attempt: int = 0


class MailRecord:
    """Appends to the record. Every line is written in one call, so that a killed process leaves whole lines."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def intend(self, recipient: str, key: str) -> None:
        """A message is about to be sent."""
        self._append(Entry(time.time(), "intended", recipient, key))

    def acknowledge(self, recipient: str, key: str, message_id: str) -> None:
        """The suite has taken the message."""
        self._append(Entry(time.time(), "acknowledged", recipient, key, message_id))

    def receive(self, sender: str, key: str, message_id: str, attempt: int) -> None:
        """A message was handled; `attempt` counts its deliveries from 1."""
        self._append(Entry(time.time(), "received", sender, key, message_id, attempt))

    def _append(self, entry: Entry) -> None:
        os.write(self._descriptor, (json.dumps(asdict(entry)) + "\n").encode())


def entries(file: Path) -> Iterator[Entry]:
    """What a record holds. A record that was never begun holds nothing."""
    if not file.exists():
        return
    for line in file.read_text().splitlines():
        yield Entry(**json.loads(line))
