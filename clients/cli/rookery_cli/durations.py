"""Lengths of time as people write them."""

import re
from datetime import timedelta

import typer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FORM = re.compile(r"(?P<number>\d{1,9})(?P<unit>[smhd])")


def duration(text: str | None, option: str, *, at_most_days: int) -> timedelta | None:
    """`30s`, `15m`, `12h` or `90d`; None for None. Raises typer.BadParameter for anything else, or longer."""
    if text is None:
        return None
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a length of time such as 30s, 15m, 12h or 90d", param_hint=option)
    length = timedelta(**{_UNITS[match["unit"]]: int(match["number"])})
    if length > timedelta(days=at_most_days):
        raise typer.BadParameter(f"{text} is longer than {at_most_days}d", param_hint=option)
    return length
