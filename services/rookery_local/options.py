"""What `rookery up` can be told."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_DATA_DIR = Path(".rookery")
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class UpOptions:
    """The options of `rookery up`. URLs of None mean the embedded servers, `config` of None the usual places."""

    data_dir: Path = DEFAULT_DATA_DIR
    free_ports: bool = False
    postgres_url: str | None = None
    nats_url: str | None = None
    relaxed_sync: bool = False
    config: Path | None = None
    quiet: bool = False
    log_level: str | None = None
    no_color: bool = False

    def arguments(self) -> list[str]:
        """The same options as a command line."""
        values = {
            "--data-dir": self.data_dir,
            "--postgres-url": self.postgres_url,
            "--nats-url": self.nats_url,
            "--config": self.config,
            "--log-level": self.log_level,
        }
        flags = {
            "--free-ports": self.free_ports,
            "--relaxed-sync": self.relaxed_sync,
            "--quiet": self.quiet,
            "--no-color": self.no_color,
        }
        given = [f"{name}={value}" for name, value in values.items() if value is not None]
        return given + [name for name, is_set in flags.items() if is_set]


def parse(arguments: Sequence[str]) -> UpOptions:
    """Reads a command line; a wrong one ends the process with exit code 2 and a line that says what is wrong."""
    parser = argparse.ArgumentParser(
        prog="rookery up", description="Runs the whole suite on this machine until Ctrl-C.", allow_abbrev=False
    )
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, help="what is kept between starts")
    parser.add_argument("--free-ports", action="store_true", help="take free ports instead of the standard ones")
    parser.add_argument("--postgres-url", metavar="URL", help="a Postgres of your own; the role must create roles")
    parser.add_argument("--nats-url", metavar="URL", help="a NATS of your own, with JetStream")
    parser.add_argument(
        "--relaxed-sync",
        action="store_true",
        help="the embedded NATS writes messages to the disk every second instead of before it acknowledges them",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="rookery.yaml, if not in the data dir or here")
    parser.add_argument("--quiet", action="store_true", help="print READY and problems only")
    parser.add_argument("--log-level", choices=LOG_LEVELS, help="of the services' logs")
    parser.add_argument("--no-color", action="store_true", help="print plain lines, also on a terminal")
    return UpOptions(**vars(parser.parse_args(arguments)))
