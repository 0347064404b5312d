"""How long to wait before a part that keeps dying is started again."""

from dataclasses import dataclass, field
from random import Random


@dataclass(slots=True)
class Backoff:
    """Doubles from `first` to `longest` seconds, each time shortened by chance by up to a half.

    A part that was up for `healthy` seconds begins anew.
    """

    first: float = 0.1
    longest: float = 5.0
    healthy: float = 30.0
    chance: Random = field(default_factory=Random)
    _failures: int = 0

    def next(self, uptime: float) -> float:
        """The seconds to wait after the part died, having been up for `uptime` seconds."""
        if uptime >= self.healthy:
            self._failures = 0
        # The exponent is bounded, or a part that is down for a day would overflow it.
        full = min(self.longest, self.first * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return full * self.chance.uniform(0.5, 1.0)
