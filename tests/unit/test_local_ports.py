"""The ports of one machine's suite."""

import socket

import pytest
from rookery_local.errors import CannotStart
from rookery_local.ports import Ports, free_ports, standard_ports


@pytest.mark.capability("D1")
def test_the_standard_ports_are_the_documented_ones() -> None:
    ports = standard_ports()
    assert ports.services == {"auth": 7101, "registry": 7102, "orchestrator": 7103, "tool_executor": 7104}
    assert ports.metrics == {"auth": 7201, "registry": 7202, "orchestrator": 7203, "tool_executor": 7204}
    assert ports.address("registry") == "127.0.0.1:7102"
    assert ports.metrics_address("registry") == "127.0.0.1:7202"


@pytest.mark.capability("D1")
def test_free_ports_are_distinct_and_can_be_bound() -> None:
    ports = free_ports()
    numbers = [*ports.services.values(), *ports.metrics.values(), ports.nats]
    assert len(set(numbers)) == len(numbers) == 9
    ports.require_free(with_nats=True)


@pytest.mark.capability("D1")
def test_a_port_in_use_is_named_with_its_holder_and_what_to_do() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        free = free_ports()
        ports = Ports({**free.services, "registry": taken}, free.metrics, free.nats)
        with pytest.raises(CannotStart, match=rf"port {taken} \(registry\).*give --free-ports"):
            ports.require_free(with_nats=True)


@pytest.mark.capability("D1")
def test_the_port_of_nats_does_not_matter_when_nats_is_elsewhere() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        free = free_ports()
        ports = Ports(free.services, free.metrics, holder.getsockname()[1])
        ports.require_free(with_nats=False)
        with pytest.raises(CannotStart, match="nats"):
            ports.require_free(with_nats=True)
