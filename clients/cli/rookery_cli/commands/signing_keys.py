"""rookery signing-keys."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from typing import Annotated

import typer

from rookery_cli.confirmation import Yes, confirm
from rookery_cli.options import DEFAULT_LIMIT, AsJson, Everything, Limit
from rookery_cli.paging import Extent
from rookery_cli.state import context_of

app = typer.Typer(help="Show and rotate the keys that sign access tokens.", no_args_is_help=True)


@app.command("list")
def list_(
    ctx: typer.Context, *, limit: Limit = DEFAULT_LIMIT, everything: Everything = False, as_json: AsJson = False
) -> None:
    """List signing keys, newest first."""
    from rookery_cli.actions.signing_keys import list_signing_keys
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: list_signing_keys(client, extent, output))


@app.command()
def rotate(
    ctx: typer.Context,
    *,
    compromised: Annotated[
        bool,
        typer.Option("--compromised", help="The present key may be in wrong hands: end it, and every token, at once."),
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Create the next signing key; it takes over in a moment, and no request fails."""
    from rookery_cli.actions.signing_keys import rotate_signing_key
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    if compromised:
        confirm("End every access token of every tenant now?", yes=yes)
    perform(
        context_of(ctx),
        lambda client: rotate_signing_key(client, Output(as_json=as_json), compromised=compromised),
    )
