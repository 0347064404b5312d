"""What each service is told about its neighbours."""

from dataclasses import replace
from pathlib import Path

import pytest
from rookery_local.data_folder import DataFolder
from rookery_local.errors import CannotStart
from rookery_local.ports import SERVICES, standard_ports
from rookery_local.service_environment import ServiceEnvironment, find_config

PLAIN = ServiceEnvironment(
    inherited={"PATH": "/bin", "ROOKERY_AUTH_LISTEN": "0.0.0.0:1"},
    folder=DataFolder(Path("/data")),
    ports=standard_ports(),
    postgres_urls={name: f"postgresql://{name}" for name in SERVICES},
    nats_urls={name: f"nats://{name}" for name in SERVICES},
    config=None,
    log_level=None,
)


@pytest.mark.capability("D1")
def test_a_service_learns_its_addresses_and_logins_and_keeps_what_was_inherited() -> None:
    assert PLAIN.of("auth") == {
        "PATH": "/bin",
        "ROOKERY_AUTH_LISTEN": "127.0.0.1:7101",
        "ROOKERY_AUTH_METRICS_LISTEN": "127.0.0.1:7201",
        "ROOKERY_AUTH_DATABASE_URL": "postgresql://auth",
        "ROOKERY_AUTH_NATS_URL": "nats://auth",
        "ROOKERY_AUTH_AUTH_ADDRESS": "127.0.0.1:7101",
        "ROOKERY_AUTH_MASTER_KEY_FILE": "/data/master.key",
        "ROOKERY_AUTH_BOOTSTRAP_CREDENTIAL_FILE": "/data/admin.credential",
    }


@pytest.mark.capability("D1")
@pytest.mark.parametrize(("service", "asks"), [("registry", False), ("orchestrator", True), ("tool_executor", True)])
def test_the_registry_is_told_to_those_that_ask_it(service: str, asks: bool) -> None:
    assert (f"ROOKERY_{service.upper()}_REGISTRY_ADDRESS" in PLAIN.of(service)) is asks


@pytest.mark.capability("A3")
@pytest.mark.parametrize("service", ["registry", "orchestrator", "tool_executor"])
def test_the_master_key_is_told_to_auth_only(service: str) -> None:
    assert not any("MASTER_KEY" in name for name in PLAIN.of(service))


@pytest.mark.capability("D4")
def test_settings_file_and_log_level_are_passed_on_when_there_are_any() -> None:
    environment = replace(PLAIN, config=Path("/etc/rookery.yaml"), log_level="debug").of("registry")
    assert environment["ROOKERY_CONFIG"] == "/etc/rookery.yaml"
    assert environment["ROOKERY_REGISTRY_LOG_LEVEL"] == "debug"


@pytest.mark.capability("D4")
def test_the_settings_file_is_looked_for_in_the_order_documented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, here = tmp_path / "data", tmp_path / "here"
    for folder in (data, here):
        folder.mkdir()
    monkeypatch.chdir(here)
    assert find_config(None, {}, data) is None
    (here / "rookery.yaml").touch()
    assert find_config(None, {}, data) == here / "rookery.yaml"
    (data / "rookery.yaml").touch()
    assert find_config(None, {}, data) == data / "rookery.yaml"
    assert find_config(None, {"ROOKERY_CONFIG": "/elsewhere.yaml"}, data) == Path("/elsewhere.yaml")
    given = tmp_path / "given.yaml"
    with pytest.raises(CannotStart, match=r"given\.yaml is not there"):
        find_config(given, {}, data)
    given.touch()
    assert find_config(given, {"ROOKERY_CONFIG": "/elsewhere.yaml"}, data) == given
