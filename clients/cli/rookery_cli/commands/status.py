"""rookery status."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

import typer

from rookery_cli.options import AsJson
from rookery_cli.state import context_of


def status(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Show the processes of the suite and the health of its services. Exits with 1 unless all are SERVING."""
    from rookery_cli.actions.status import show_status
    from rookery_cli.output import Output

    show_status(context_of(ctx), Output(as_json=as_json))
