import pytest
from prometheus_client import CollectorRegistry, generate_latest
from rookery_kit.rpc.call_durations import CallDurations


def sample(registry: CollectorRegistry, suffix: str, **labels: str) -> float | None:
    everything = {"rpc_service": "a.B", "rpc_method": "Do", "rpc_grpc_status_code": "0", **labels}
    return registry.get_sample_value(f"rpc_server_duration_seconds{suffix}", everything)


@pytest.mark.capability("D3")
def test_calls_are_counted_in_the_bucket_that_holds_them_and_every_larger_one() -> None:
    registry = CollectorRegistry()
    observe = CallDurations(registry).of("a.B/Do")
    for seconds in (0.0001, 0.001, 0.0011, 100.0):
        observe(seconds, 0)
    assert [sample(registry, "_bucket", le=bound) for bound in ("0.0005", "0.001", "0.0025", "30.0", "+Inf")] == [
        1.0,
        2.0,
        3.0,
        3.0,
        4.0,
    ]
    assert sample(registry, "_count") == 4
    assert sample(registry, "_sum") == pytest.approx(100.0022)


@pytest.mark.capability("D3")
def test_methods_and_statuses_are_told_apart() -> None:
    registry = CollectorRegistry()
    durations = CallDurations(registry)
    durations.of("a.B/Do")(0.1, 0)
    durations.of("a.B/Do")(0.1, 5)
    durations.of("a.B/Undo")(0.1, 5)
    assert sample(registry, "_count") == 1
    assert sample(registry, "_count", rpc_grpc_status_code="5") == 1
    assert sample(registry, "_count", rpc_method="Undo", rpc_grpc_status_code="5") == 1
    assert sample(registry, "_count", rpc_method="Undo") is None


def test_prometheus_takes_it_as_a_histogram() -> None:
    registry = CollectorRegistry()
    CallDurations(registry).of("a.B/Do")(0.1, 0)
    assert b"# TYPE rpc_server_duration_seconds histogram" in generate_latest(registry)
