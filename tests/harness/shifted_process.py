"""Services whose process has a wrong clock: everything in it that asks Python for the time is told another.

Run as a script it is that process. Durations and waits are not touched: they go by monotonic clocks.
"""

import importlib
import runpy
import sys
from collections.abc import Iterable
from datetime import timedelta
from types import ModuleType

import time_machine

_GRPC = ("grpc._cython.cygrpc", "grpc.aio._utils")


def shifted_command(module: str, ahead: timedelta) -> tuple[str, ...]:
    """What runs a module, as `python -m` does, by a clock that is so far ahead; behind, if that is negative."""
    return sys.executable, "-P", __file__, module, str(ahead.total_seconds())


def _leave_alone(modules: Iterable[str]) -> None:
    """Has modules see the machine's time.

    gRPC computes deadlines in Python and compares them in its core, which reads the machine's clock itself. Where that
    clock is wrong, both are wrong alike.
    """
    real = ModuleType("time")
    vars(real).update(vars(importlib.import_module("time")))
    vars(real)["time"] = time_machine.escape_hatch.time.time
    for name in modules:
        vars(importlib.import_module(name))["time"] = real


def main(module: str, seconds: float) -> None:
    """Runs the module to its end."""
    with time_machine.travel(timedelta(seconds=seconds), tick=True) as traveller:
        # From the first reading on it ticks.
        traveller.time_ns()
        _leave_alone(_GRPC)
        sys.argv = [module]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
