"""Which network addresses MCP servers may be reached at, checked where the connection is made.

Checking the name in the URL would not do: the name may resolve to something else a moment later, and a server may
redirect. So the check sits in the dialling itself: resolve, check every address, connect to the checked address.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable

import httpcore2

from rookery_tool_executor.model import EndpointNotAllowed

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
SocketOptions = Iterable[tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]]

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, in the system's order of preference. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class AddressGuard:
    """Public unicast addresses are allowed, all others only within the operator's networks."""

    def __init__(self, allowed_networks: tuple[Network, ...]) -> None:
        self._allowed = allowed_networks

    def allows(self, text: str) -> bool:
        """Whether an address, as text, may be connected to."""
        address = _reached(ipaddress.ip_address(text))
        if any(address in network for network in self._allowed):
            return True
        return address.is_global and not (
            address.is_private
            or address.is_multicast
            or address.is_reserved
            or address.is_loopback
            or address.is_link_local
            or address.is_unspecified
        )


def _reached(address: Address) -> Address:
    """The IPv4 address that an IPv6 one leads to by mapping, 6to4, Teredo or NAT64; else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Dials for the HTTP client: every connection, also one after a redirect, passes through the guard."""

    def __init__(
        self,
        guard: AddressGuard,
        dial: httpcore2.AsyncNetworkBackend | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        self._guard = guard
        self._dial = dial or httpcore2.AnyIOBackend()
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connects to the first address that answers. Raises EndpointNotAllowed when any of them is refused."""
        try:
            addresses = await asyncio.wait_for(self._resolve(host, port), timeout)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"{host} was not resolved in time") from error
        except OSError as error:
            raise httpcore2.ConnectError(f"{host} cannot be resolved") from error
        for address in addresses:
            if not self._guard.allows(address):
                # The address itself stays untold: names must not be usable to look into the operator's network.
                raise EndpointNotAllowed(
                    f"{host} leads to an address that is neither public nor within http_allowed_networks", host=host
                )
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await self._dial.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: SocketOptions | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """Always refused: an endpoint is an HTTP URL."""
        raise EndpointNotAllowed("local sockets are not reached", path=path)

    async def sleep(self, seconds: float) -> None:
        """Waits between attempts, as the HTTP client asks."""
        await asyncio.sleep(seconds)
