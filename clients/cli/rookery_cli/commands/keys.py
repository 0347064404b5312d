"""rookery keys."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from typing import Annotated

import typer

from rookery_cli.confirmation import Yes, confirm
from rookery_cli.durations import duration
from rookery_cli.options import DEFAULT_LIMIT, AsJson, Everything, Limit
from rookery_cli.paging import Extent
from rookery_cli.state import context_of

app = typer.Typer(help="Hand out API keys to external clients, rotate and revoke them.", no_args_is_help=True)

_Key = Annotated[str, typer.Argument(metavar="KEY", help="Its id, or the beginning of it.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    subject: Annotated[str, typer.Option("--subject", metavar="SUBJECT", help="Only keys of this subject.")] = "",
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List API keys, newest first, also those that have ended."""
    from rookery_cli.actions.keys import list_keys
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: list_keys(client, subject, extent, output))


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    *,
    role: Annotated[list[str], typer.Option("--role", metavar="ROLE", help="A role of its tokens. Several times.")],
    subject: Annotated[
        str, typer.Option("--subject", metavar="SUBJECT", help="Whom its tokens speak for, such as user:ci; else you.")
    ] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", metavar="RESOURCE:ACTION", help="Narrows what the roles permit; either may be *. Several times."
        ),
    ] = None,
    ttl: Annotated[str | None, typer.Option("--ttl", metavar="TIME", help="How long it is good, such as 90d.")] = None,
    rate: Annotated[
        int,
        typer.Option(
            "--rate", min=0, max=1_000_000, metavar="N", help="Requests a second that it may make. 0: no limit."
        ),
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Create an API key and print its secret, which is shown this once only.

    Example: rookery keys create "nightly build" --subject user:ci --role tester --scope 'tasks:*' --ttl 90d
    """
    from rookery_cli.actions.keys import NewKey, create_key
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    new = NewKey(name, subject, tuple(role), tuple(scope or ()), duration(ttl, "--ttl", at_most_days=3650), rate)
    perform(context_of(ctx), lambda client: create_key(client, new, Output(as_json=as_json)))


@app.command()
def show(ctx: typer.Context, key: _Key, *, as_json: AsJson = False) -> None:
    """Show one API key, without its secret."""
    from rookery_cli.actions.keys import show_key
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: show_key(client, key, Output(as_json=as_json)))


@app.command()
def rotate(
    ctx: typer.Context,
    key: _Key,
    *,
    overlap: Annotated[
        str | None,
        typer.Option("--overlap", metavar="TIME", help="How long the present secret stays good; 1h unless given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give an API key a new secret and print it, this once only; the present one is good for a while yet."""
    from rookery_cli.actions.keys import rotate_key
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    length = duration(overlap, "--overlap", at_most_days=30)
    perform(context_of(ctx), lambda client: rotate_key(client, key, length, Output(as_json=as_json)))


@app.command()
def revoke(ctx: typer.Context, key: _Key, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """End an API key for good, with every token it has earned."""
    from rookery_cli.actions.keys import revoke_key
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    confirm(f"End the API key {key} for good?", yes=yes)
    perform(context_of(ctx), lambda client: revoke_key(client, key, Output(as_json=as_json)))
