"""The suites by name, in the order in which they run."""

from bench.measure import OpenSuite
from bench.rpc import suite as rpc
from bench.start import suite as start

SUITES: dict[str, OpenSuite] = {"rpc": rpc.open_suite, "start": start.open_suite}
