"""rookery enrollments."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from typing import Annotated

import typer

from rookery_cli.confirmation import Yes, confirm
from rookery_cli.durations import duration
from rookery_cli.options import DEFAULT_LIMIT, AsJson, Everything, Labels, Limit, pairs
from rookery_cli.paging import Extent
from rookery_cli.state import context_of

app = typer.Typer(help="Create enrolment tokens, see which there are, and revoke them.", no_args_is_help=True)


@app.command("list")
def list_(
    ctx: typer.Context, *, limit: Limit = DEFAULT_LIMIT, everything: Everything = False, as_json: AsJson = False
) -> None:
    """List enrolment tokens, newest first, also those that are used or have ended."""
    from rookery_cli.actions.enrollments import list_enrollment_tokens
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: list_enrollment_tokens(client, extent, output))


@app.command()
def create(
    ctx: typer.Context,
    *,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", metavar="ROLE", help="A role of the agent to be; else agent. Several times."),
    ] = None,
    label: Labels = None,
    ttl: Annotated[
        str | None, typer.Option("--ttl", metavar="TIME", help="How long it can be used, such as 12h; 1h unless given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create an enrolment token and print its secret, which is shown this once only; one agent joins with it."""
    from rookery_cli.actions.enrollments import create_enrollment_token
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    length, labels = duration(ttl, "--ttl", at_most_days=30), pairs(label, "--label")
    output = Output(as_json=as_json)
    perform(context_of(ctx), lambda client: create_enrollment_token(client, role or (), labels, length, output))


@app.command()
def revoke(
    ctx: typer.Context,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id.")],
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """End an enrolment token for good. An agent that has used it stays: `rookery tokens revoke` is for that."""
    from rookery_cli.actions.enrollments import revoke_enrollment_token
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    confirm(f"End the enrolment token {token} for good?", yes=yes)
    perform(context_of(ctx), lambda client: revoke_enrollment_token(client, token, Output(as_json=as_json)))
