from collections.abc import Iterable
from ipaddress import ip_network

import httpcore2
import pytest
from rookery_tool_executor.model import EndpointNotAllowed
from rookery_tool_executor.sessions.address_guard import AddressGuard, GuardedBackend

pytestmark = pytest.mark.capability("X9")

REFUSED = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
    # Private IPv4 addresses in IPv6 clothing: mapped, 6to4, NAT64, Teredo.
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1"),
    "2001:0:5ef5:79fd:0:0:80ff:fffe",
)
PUBLIC = ("1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1")


class Dialled(httpcore2.AsyncNetworkBackend):
    """Notes what would be connected to; addresses in `dead` do not answer."""

    def __init__(self, *dead: str) -> None:
        self.addresses: list[str] = []
        self._dead = dead

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[object] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.addresses.append(host)
        if host in self._dead:
            raise httpcore2.ConnectError("refused")
        return httpcore2.AsyncMockStream([])


def backend(dialled: Dialled, *addresses: str, allowed: tuple[str, ...] = ()) -> GuardedBackend:
    async def resolve(_host: str, _port: int) -> list[str]:
        return list(addresses)

    networks = tuple(ip_network(network) for network in allowed)
    return GuardedBackend(AddressGuard(networks), dial=dialled, resolve=resolve)


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not AddressGuard(()).allows(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert AddressGuard(()).allows(address)


def test_the_operators_networks_are_allowed_and_no_others() -> None:
    guard = AddressGuard((ip_network("10.1.0.0/16"), ip_network("fd12::/16")))
    assert guard.allows("10.1.2.3")
    assert guard.allows("::ffff:10.1.2.3")
    assert guard.allows("fd12::1")
    assert not guard.allows("10.2.0.1")


async def test_the_checked_address_is_the_one_connected_to() -> None:
    dialled = Dialled()
    await backend(dialled, "1.1.1.1").connect_tcp("example.com", 443)
    assert dialled.addresses == ["1.1.1.1"]


async def test_one_refused_address_among_several_refuses_the_name() -> None:
    dialled = Dialled()
    with pytest.raises(EndpointNotAllowed) as caught:
        await backend(dialled, "1.1.1.1", "10.0.0.7").connect_tcp("rebinding.example", 80)
    assert dialled.addresses == []
    assert "10.0.0.7" not in caught.value.message


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    dialled = Dialled("1.1.1.1")
    await backend(dialled, "1.1.1.1", "1.0.0.1").connect_tcp("example.com", 443)
    assert dialled.addresses == ["1.1.1.1", "1.0.0.1"]


async def test_a_name_that_cannot_be_resolved_is_a_failed_connection() -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        raise OSError

    guarded = GuardedBackend(AddressGuard(()), dial=Dialled(), resolve=resolve)
    with pytest.raises(httpcore2.ConnectError):
        await guarded.connect_tcp("nowhere.example", 80)


async def test_a_local_socket_is_refused() -> None:
    with pytest.raises(EndpointNotAllowed):
        await backend(Dialled()).connect_unix_socket("/run/docker.sock")
