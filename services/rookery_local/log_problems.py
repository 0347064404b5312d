"""Finding the latest trouble in the logs of the parts."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

_LOUD = frozenset({"warning", "error", "critical"})
# As Postgres and NATS mark theirs. An ERROR of Postgres belongs to one statement, and to the service that sent it.
_MARKED = re.compile(r"(?:\b(?:FATAL|PANIC):|\[(?:ERR|FTL)\])\s*(?P<text>.*)")
_READ_BYTES = 256 * 1024


class LogProblems:
    """Follows log files from where they end now. `latest` is the last problem seen, as part and text."""

    def __init__(self, logs: Mapping[str, Path]) -> None:
        self._logs = dict(logs)
        self._positions = {part: _size(file) for part, file in self._logs.items()}
        self.latest: tuple[str, str] | None = None

    def look(self) -> None:
        """Reads what was written since the last look; of very much the end only."""
        for part, file in self._logs.items():
            size = _size(file)
            start = self._positions[part]
            if size < start:
                # Set aside and begun anew.
                start = 0
            if size > start:
                with file.open("rb") as log:
                    log.seek(max(start, size - _READ_BYTES))
                    written = log.read(_READ_BYTES).decode(errors="replace")
                for line in written.splitlines():
                    if text := problem_in(line):
                        self.latest = (part, text)
            self._positions[part] = size


def problem_in(line: str) -> str | None:
    """The text of a log line that tells of a problem; None for others."""
    if line.startswith("{"):
        try:
            entry = json.loads(line)
        except ValueError:
            return None
        if entry.get("level") not in _LOUD:
            return None
        detail = entry.get("error") or entry.get("reason")
        return f"{entry.get('event', '')}{f': {detail}' if detail else ''}"
    marked = _MARKED.search(line)
    return marked["text"] if marked else None


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
