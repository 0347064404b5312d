"""rookery tokens."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

import sys
from typing import Annotated

import typer

from rookery_cli.confirmation import Yes, confirm
from rookery_cli.options import AsJson
from rookery_cli.refusal import Misused
from rookery_cli.state import context_of

app = typer.Typer(help="Revoke tokens and see what they say.", no_args_is_help=True)


@app.command()
def introspect(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """Tell whether a token is good, and what it says. The token is read from standard input.

    It is not taken as an argument, where other users of the machine and the shell's history would see it.
    """
    from rookery_cli.actions.tokens import introspect_token
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    token = _given("introspect")
    perform(context_of(ctx), lambda client: introspect_token(client, token, Output(as_json=as_json)))


@app.command()
def revoke(
    ctx: typer.Context,
    *,
    token_id: Annotated[str, typer.Option("--id", metavar="ID", help="A token by its id, the claim jti.")] = "",
    subject: Annotated[
        str, typer.Option("--subject", metavar="SUBJECT", help="Every token of a subject, and its refresh tokens.")
    ] = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Make a token be refused by every service within two seconds.

    With neither --id nor --subject the token itself, of whatever kind, is read from standard input.
    """
    from rookery_cli.actions.tokens import revoke_token
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    if token_id and subject:
        raise Misused("give either --id or --subject")
    if subject:
        confirm(f"Revoke every token of {subject}?", yes=yes)
    token = "" if token_id or subject else _given("revoke")
    perform(
        context_of(ctx),
        lambda client: revoke_token(client, Output(as_json=as_json), token=token, token_id=token_id, subject=subject),
    )


def _given(command: str) -> str:
    if sys.stdin.isatty():
        sys.stderr.write("paste the token and end with Ctrl-D:\n")
    token = sys.stdin.read().strip()
    if not token:
        raise Misused("there is no token on standard input", f"such as: rookery tokens {command} < token.txt")
    return token
