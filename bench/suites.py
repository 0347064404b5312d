"""The suites by name, in the order in which they run.

A suite is one group of measures or several; what a group needs is closed before the next one is opened.
"""

from bench.bus import suite as bus
from bench.identity import suite as identity
from bench.measure import OpenSuite
from bench.rpc import suite as rpc
from bench.start import suite as start

SUITES: dict[str, tuple[OpenSuite, ...]] = {
    "rpc": (rpc.open_suite,),
    "start": (start.open_suite,),
    "identity": identity.GROUPS,
    "bus": bus.GROUPS,
}
