"""Clocks that are wrong."""

from datetime import datetime, timedelta

from rookery_kit.clock import SystemClock


class ShiftedClock(SystemClock):
    """The machine's clock, so far ahead; behind, if that is negative."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        """The wrong moment."""
        return super().now() + self._ahead
