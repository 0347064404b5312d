from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field
from rookery_kit.settings import ServiceSettings, SettingsError, load_settings, substitute

NEEDED = {
    "ROOKERY_PROBE_LISTEN": "127.0.0.1:7109",
    "ROOKERY_PROBE_METRICS_LISTEN": "127.0.0.1:7209",
    "ROOKERY_PROBE_DATABASE_URL": "postgresql://rookery_probe:very-secret@127.0.0.1/rookery",
    "ROOKERY_PROBE_NATS_URL": "nats://probe:very-secret@127.0.0.1",
    "ROOKERY_PROBE_AUTH_ADDRESS": "127.0.0.1:7101",
}


class ProbeSettings(ServiceSettings):
    """A service with a setting of its own."""

    service: ClassVar[str] = "probe"

    sweep_seconds: float = Field(default=1.0, gt=0)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROOKERY_CONFIG", raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rookery.yaml"
    path.write_text(text)
    monkeypatch.setenv("ROOKERY_CONFIG", str(path))
    return path


@pytest.mark.capability("D4")
def test_the_environment_wins_over_the_file_and_the_file_over_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config(monkeypatch, tmp_path, "probe:\n  sweep_seconds: 2\n  log_level: debug\n  drain_seconds: 9\nauth: {}\n")
    monkeypatch.setenv("ROOKERY_PROBE_SWEEP_SECONDS", "3")
    settings = load_settings(ProbeSettings)
    assert (settings.sweep_seconds, settings.log_level, settings.drain_seconds) == (3.0, "debug", 9.0)
    assert settings.default_deadline_seconds == 30.0


@pytest.mark.capability("D4")
def test_variables_in_the_file_are_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEVEL", "warning")
    config(monkeypatch, tmp_path, "probe:\n  log_level: ${LEVEL}\n  audience: ${NOWHERE:-fallback}\n")
    settings = load_settings(ProbeSettings)
    assert (settings.log_level, settings.audience) == ("warning", "fallback")


@pytest.mark.capability("D4")
def test_every_unset_variable_is_named_with_its_line() -> None:
    with pytest.raises(SettingsError, match=r"file:1: .* ONE is not set; file:3: .* TWO is not set"):
        substitute("a: ${ONE}\nb: ${SET}\nc: ${TWO}\n", {"SET": "x"}, "file")


@pytest.mark.capability("D4")
def test_every_fault_is_named_at_once_and_no_value_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOKERY_PROBE_LISTEN", "nowhere")
    monkeypatch.setenv("ROOKERY_PROBE_AUTH_ADDRESS", "127.0.0.1:99999")
    monkeypatch.setenv("ROOKERY_PROBE_SWEEP_SECONDS", "0")
    monkeypatch.delenv("ROOKERY_PROBE_DATABASE_URL")
    with pytest.raises(SettingsError) as caught:
        load_settings(ProbeSettings)
    text = str(caught.value)
    assert all(name in text for name in ("listen", "auth_address", "sweep_seconds", "database_url"))
    assert "ROOKERY_PROBE_" in text
    assert "very-secret" not in text


@pytest.mark.capability("D4")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("probe: [", "rookery.yaml"),
        ("- probe", "must be a mapping of services"),
        ("probe: 7", "probe: must be a mapping"),
        ("probe:\n  sweep_secnds: 2\n", "sweep_secnds"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, said: str
) -> None:
    config(monkeypatch, tmp_path, text)
    with pytest.raises(SettingsError, match=said):
        load_settings(ProbeSettings)


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config(monkeypatch, tmp_path, "").unlink()
    with pytest.raises(SettingsError, match=r"rookery\.yaml: No such file"):
        load_settings(ProbeSettings)


def test_an_absent_section_is_an_empty_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config(monkeypatch, tmp_path, "auth:\n  log_level: debug\n")
    assert load_settings(ProbeSettings).log_level == "info"


def test_settings_do_not_change_and_do_not_show_their_secrets() -> None:
    settings = load_settings(ProbeSettings)
    with pytest.raises(ValueError, match="frozen"):
        settings.log_level = "debug"
    assert "very-secret" not in repr(settings)
