"""Who acted for whom."""

from collections.abc import Iterable


def acting(delegates: Iterable[str], subject: str) -> str:
    """The subject after those who act for it, given the nearest first: `agent:b for user:a`."""
    return " for ".join([*delegates, subject])
