"""rookery audit."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from typing import Annotated

import typer

from rookery_cli.options import DEFAULT_LIMIT, AsJson, Everything, Limit
from rookery_cli.paging import Extent
from rookery_cli.state import context_of

app = typer.Typer(help="Read and verify the audit log.", no_args_is_help=True)

_EXAMPLE = 'actor = "user:jane" AND outcome = DENIED'


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    text: Annotated[
        str,
        typer.Option(
            "--filter",
            "-f",
            metavar="FILTER",
            help=f"Only matching events, such as: {_EXAMPLE}",
        ),
    ] = "",
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="Begin with the oldest.")] = False,
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List what was done, and tried, the newest first.

    A filter compares actor, action, resource, outcome, reason, service, event_time and sequence. An action is a method,
    such as rookery.auth.v1.PolicyService/BindRole, or what docs/administration.md names, such as token.issued.
    """
    from rookery_cli.actions.audit import list_events
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    perform(
        context_of(ctx),
        lambda client: list_events(client, text, extent, output, oldest_first=oldest_first),
        filter_example=_EXAMPLE,
    )


@app.command()
def verify(
    ctx: typer.Context,
    *,
    since_head: Annotated[
        str | None,
        typer.Option(
            "--since-head",
            metavar="SEQ:HASH",
            help="The head that an earlier verification printed: the log must still lead through it.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute the chain of the audit log anew and print its head.

    Shows an event that was changed, removed, added or moved. That the newest ones were cut off, or all of it written
    anew, shows only against an earlier head: keep it where the database's administrators cannot reach it.
    """
    from rookery_kit.audit_chain import ChainHead

    from rookery_cli.actions.audit import verify_log
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    try:
        since = ChainHead.parse(since_head) if since_head is not None else None
    except ValueError:
        message = f"{since_head!r} is not a head: SEQUENCE:HASH, the hash in 64 hex digits"
        raise typer.BadParameter(message, param_hint="--since-head") from None
    perform(context_of(ctx), lambda client: verify_log(client, since, Output(as_json=as_json)))
