"""The ports of one machine's suite: the standard ones, or free ones."""

import random
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

from rookery_local.errors import CannotStart

SERVICES = ("auth", "registry", "orchestrator", "tool_executor")
HOST = "127.0.0.1"
_STANDARD = dict(zip(SERVICES, range(7101, 7105), strict=True))
_METRICS_OFFSET = 100
_NATS = 4222
# Below the range from which systems pick the ports of outgoing connections: one of those could take a port in the
# moment in which its service is started again.
_FREE_RANGE = (10_000, 32_000)


@dataclass(frozen=True, slots=True)
class Ports:
    """Who listens where on 127.0.0.1. `services` and `metrics` are by service name."""

    services: Mapping[str, int]
    metrics: Mapping[str, int]
    nats: int

    def address(self, service: str) -> str:
        """Where the service answers gRPC, as host:port."""
        return f"{HOST}:{self.services[service]}"

    def metrics_address(self, service: str) -> str:
        """Where the service shows its metrics, as host:port."""
        return f"{HOST}:{self.metrics[service]}"

    def require_free(self, *, with_nats: bool) -> None:
        """Raises CannotStart naming every port that is in use, by whom where that can be told, and what to do."""
        wanted = {port: service for service, port in self.services.items()}
        wanted |= {port: f"{service} metrics" for service, port in self.metrics.items()}
        if with_nats:
            wanted[self.nats] = "nats"
        taken = [port for port in wanted if not _is_free(port)]
        if taken:
            holders = _holders(taken)
            named = ", ".join(f"{port} ({wanted[port]}){holders.get(port, '')}" for port in taken)
            raise CannotStart(f"in use: port {named}; end what holds it, or give --free-ports")


def standard_ports() -> Ports:
    """The ports that the documentation names."""
    metrics = {service: port + _METRICS_OFFSET for service, port in _STANDARD.items()}
    return Ports(_STANDARD, metrics, _NATS)


def free_ports() -> Ports:
    """Ports that nobody listens on now."""
    pick = _picker(random.SystemRandom())
    return Ports({service: pick() for service in SERVICES}, {service: pick() for service in SERVICES}, pick())


def _picker(source: random.Random) -> Callable[[], int]:
    given: set[int] = set()

    def pick() -> int:
        while (port := source.randrange(*_FREE_RANGE)) in given or not _is_free(port):
            continue
        given.add(port)
        return port

    return pick


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are still fading counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _holders(ports: Iterable[int]) -> dict[int, str]:
    """Who listens on the ports, for those that this user may see."""
    wanted = set(ports)
    found = {}
    # Some systems show connections to root only.
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            port = connection.laddr.port if connection.laddr else None
            if port in wanted and connection.status == psutil.CONN_LISTEN and connection.pid:
                found[port] = f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return found
