"""rookery up."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from pathlib import Path
from typing import Annotated

import typer

from rookery_cli.refusal import Misused

_LOG_LEVELS = ("debug", "info", "warning", "error")


def up(
    *,
    data_dir: Annotated[Path, typer.Option("--data-dir", metavar="DIR", help="What is kept between starts.")] = Path(
        ".rookery"
    ),
    free_ports: Annotated[bool, typer.Option("--free-ports", help="Take free ports, not the standard ones.")] = False,
    postgres_url: Annotated[
        str | None, typer.Option("--postgres-url", metavar="URL", help="A Postgres of your own; the role makes roles.")
    ] = None,
    nats_url: Annotated[
        str | None, typer.Option("--nats-url", metavar="URL", help="A NATS of your own, with JetStream.")
    ] = None,
    relaxed_sync: Annotated[
        bool, typer.Option("--relaxed-sync", help="NATS writes to the disk every second, not before it acknowledges.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="rookery.yaml, if not in the data dir or here.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print READY and problems only.")] = False,
    log_level: Annotated[
        str | None, typer.Option("--log-level", metavar="LEVEL", help=f"Of the services: {', '.join(_LOG_LEVELS)}.")
    ] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="Print plain lines, also on a terminal.")] = False,
) -> None:
    """Run the whole suite on this machine, with embedded Postgres and NATS, until Ctrl-C."""
    from rookery_local.options import UpOptions
    from rookery_local.up import main

    if log_level is not None and log_level not in _LOG_LEVELS:
        raise Misused(f"there is no log level {log_level!r}", f"take one of {', '.join(_LOG_LEVELS)}")
    main(
        UpOptions(
            data_dir=data_dir,
            free_ports=free_ports,
            postgres_url=postgres_url,
            nats_url=nats_url,
            relaxed_sync=relaxed_sync,
            config=config,
            quiet=quiet,
            log_level=log_level,
            no_color=no_color,
        )
    )
