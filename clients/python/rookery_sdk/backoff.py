"""How long to wait before the next try."""

import random
from collections.abc import Callable


class Backoff:
    """Exponential with full jitter: the n-th wait is drawn from 0 up to `first` * 2^n, at most `most`, in seconds.

    Drawing from the whole range keeps many clients that lost the same server from coming back all at once.
    """

    def __init__(
        self, *, first: float = 0.1, most: float = 5.0, draw: Callable[[float, float], float] = random.uniform
    ) -> None:
        self._first = first
        self._most = most
        self._draw = draw
        self._ceiling = first

    def reset(self) -> None:
        """What was tried succeeded; the next wait is a short one again."""
        self._ceiling = self._first

    def next(self, at_least: float = 0.0) -> float:
        """The next wait in seconds, not below `at_least`, which is what the other side asked for."""
        wait = self._draw(0.0, self._ceiling)
        self._ceiling = min(self._ceiling * 2, self._most)
        return max(wait, at_least)
