"""Ports that nobody uses, outside the range from which the system picks ports of outgoing connections.

A port from within that range, free when it is looked for, may be taken by any client a moment later. Each worker of a
test run has ports of its own: one that a test has chosen is free until its server is up, and while that is restarted.
"""

import os
import random
import socket

_LOWEST, _HIGHEST = 10_000, 32_000
_SHARES = 4
_SHARE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
_PORTS = range(_LOWEST + _SHARE, _HIGHEST, _SHARES)
_random = random.Random(os.getpid())
_given: set[int] = set()


def free_port() -> int:
    """A port on 127.0.0.1 that is free and that this process was not given before."""
    while True:
        port = _random.choice(_PORTS)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def free_address() -> str:
    """`127.0.0.1:<free port>`."""
    return f"127.0.0.1:{free_port()}"


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are still fading counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
