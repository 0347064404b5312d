"""The command line as a whole."""

from importlib.metadata import version
from typing import Annotated

import typer

from rookery_cli.commands import (
    agents,
    audit,
    dlq,
    enrollments,
    keys,
    messages,
    roles,
    servers,
    signing_keys,
    tasks,
    tenants,
    tokens,
    tools,
    topics,
)
from rookery_cli.commands.status import status
from rookery_cli.commands.up import up
from rookery_cli.state import Invocation


def _print_version(wanted: bool) -> None:  # noqa: FBT001 -- as typer calls it
    if wanted:
        typer.echo(f"rookery {version('rookery')}")
        raise typer.Exit


def _options(
    ctx: typer.Context,
    *,
    context: Annotated[
        str | None,
        typer.Option(
            "--context",
            envvar="ROOKERY_CONTEXT",
            metavar="PATH",
            help="The context file of the suite; else ./.rookery/context.json.",
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """The control plane for fleets of AI agents."""
    ctx.obj = Invocation(context)


def build() -> typer.Typer:
    """The `rookery` command with everything below it."""
    app = typer.Typer(name="rookery", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(_options)
    app.command()(up)
    app.command()(status)
    app.add_typer(agents.app, name="agents")
    app.add_typer(tasks.app, name="tasks")
    app.add_typer(messages.app, name="messages")
    app.add_typer(topics.app, name="topics")
    app.add_typer(dlq.app, name="dlq")
    app.add_typer(tools.app, name="tools")
    app.add_typer(servers.app, name="servers")
    app.add_typer(enrollments.app, name="enrollments")
    app.add_typer(keys.app, name="keys")
    app.add_typer(signing_keys.app, name="signing-keys")
    app.add_typer(tokens.app, name="tokens")
    app.add_typer(roles.app, name="roles")
    app.add_typer(tenants.app, name="tenants")
    app.add_typer(audit.app, name="audit")
    return app
