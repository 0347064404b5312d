from ipaddress import ip_network

import pytest
from rookery_kit.settings import SettingsError, load_settings
from rookery_tool_executor.settings import ToolExecutorSettings

NEEDED = {
    "ROOKERY_TOOL_EXECUTOR_LISTEN": "127.0.0.1:7104",
    "ROOKERY_TOOL_EXECUTOR_METRICS_LISTEN": "127.0.0.1:7204",
    "ROOKERY_TOOL_EXECUTOR_DATABASE_URL": "postgres://x",
    "ROOKERY_TOOL_EXECUTOR_NATS_URL": "nats://x",
    "ROOKERY_TOOL_EXECUTOR_AUTH_ADDRESS": "127.0.0.1:7101",
    "ROOKERY_TOOL_EXECUTOR_REGISTRY_ADDRESS": "127.0.0.1:7102",
}


def load(monkeypatch: pytest.MonkeyPatch, **more: str) -> ToolExecutorSettings:
    for name, value in {**NEEDED, **{f"ROOKERY_TOOL_EXECUTOR_{name}": value for name, value in more.items()}}.items():
        monkeypatch.setenv(name, value)
    return load_settings(ToolExecutorSettings)


@pytest.mark.capability("X9")
def test_nothing_is_allowed_unless_said(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert settings.stdio_allowed_commands == ()
    assert settings.http_allowed_networks == ()


@pytest.mark.capability("D4")
def test_commands_are_given_by_name_or_with_their_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch,
        STDIO_ALLOWED_COMMANDS='["npx", {"command": "/usr/bin/python3", "args_prefix": ["-m", "mcp_server_git"]}]',
        HTTP_ALLOWED_NETWORKS='["10.0.0.0/8", "fd00::/8"]',
    )
    assert [entry.command for entry in settings.stdio_allowed_commands] == ["npx", "/usr/bin/python3"]
    assert settings.stdio_allowed_commands[1].args_prefix == ("-m", "mcp_server_git")
    assert settings.http_allowed_networks == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.capability("X9")
@pytest.mark.parametrize("commands", ['["*"]', '[""]', '["py*"]', '["./tool"]', '[{"command": "x", "shell": true}]'])
def test_a_command_that_could_mean_several_is_refused(monkeypatch: pytest.MonkeyPatch, commands: str) -> None:
    with pytest.raises(SettingsError, match="stdio_allowed_commands"):
        load(monkeypatch, STDIO_ALLOWED_COMMANDS=commands)
