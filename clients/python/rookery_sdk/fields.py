"""What the fields of a request can hold."""

from collections.abc import Iterable
from datetime import datetime

_MOST_CHARACTERS = 2000


def check_text(field: str, *texts: str) -> None:
    """Raises ValueError, naming the field, for text that cannot be sent, such as half of a surrogate pair."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{field} is text that cannot be sent: {error}") from None


def check_labels(field: str, labels: Iterable[tuple[str, str]]) -> None:
    """The same for names and values."""
    for pair in labels:
        check_text(field, *pair)


def check_time(field: str, time: datetime | None) -> None:
    """Raises ValueError, naming the field, for a time without a zone: it could be anybody's."""
    if time is not None and time.utcoffset() is None:
        raise ValueError(f"{field} needs a time zone, such as in datetime.now(UTC); {time.isoformat()} has none")


def words(text: str) -> str:
    """What somebody is to be told, cut, with what cannot be sent spelled out."""
    return text[:_MOST_CHARACTERS].encode(errors="backslashreplace").decode().replace("\0", r"\0")[:_MOST_CHARACTERS]
