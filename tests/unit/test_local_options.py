"""The command line of `rookery up`."""

from pathlib import Path

import pytest
from rookery_local.options import UpOptions, parse


@pytest.mark.capability("D1")
def test_nothing_given_means_the_standard_ports_and_the_usual_folder() -> None:
    assert parse([]) == UpOptions(data_dir=Path(".rookery"))


@pytest.mark.capability("D1")
@pytest.mark.parametrize(
    "options",
    [
        UpOptions(),
        UpOptions(data_dir=Path("-odd name"), free_ports=True, relaxed_sync=True, quiet=True, no_color=True),
        UpOptions(
            postgres_url="postgresql://a:b=c@h/d?x=y",
            nats_url="nats://u:p@h:1",
            config=Path("r.yaml"),
            log_level="debug",
        ),
    ],
)
def test_options_survive_the_way_over_a_command_line(options: UpOptions) -> None:
    assert parse(options.arguments()) == options


@pytest.mark.capability("D1")
@pytest.mark.parametrize("arguments", [["--free"], ["--log-level=loud"], ["surplus"]])
def test_a_wrong_command_line_ends_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert "rookery up: error:" in capsys.readouterr().err
