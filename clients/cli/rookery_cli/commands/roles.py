"""rookery roles."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from typing import Annotated

import typer

from rookery_cli.confirmation import Yes, confirm
from rookery_cli.options import DEFAULT_LIMIT, AsJson, Everything, Limit
from rookery_cli.paging import Extent
from rookery_cli.refusal import Misused, NotRunning
from rookery_cli.state import context_of

app = typer.Typer(help="Say who may do what.", no_args_is_help=True)

_Role = Annotated[str, typer.Argument(metavar="ROLE", help="Its name.")]
_Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="Such as user:jane or agent:<id>.")]
_Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="What it is for.")]
_Permissions = Annotated[
    list[str] | None,
    typer.Option(
        "--permission", "-p", metavar="RESOURCE:ACTION", help="What it permits; either may be *. Several times."
    ),
]


@app.command()
def matrix(
    ctx: typer.Context,
    *,
    built_in: Annotated[bool, typer.Option("--built-in", help="Leave out the tenant's own roles.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print which role may call which method, read from the contract.

    The tenant's own roles are in it when the suite is running. What is marked @default is for callers of the first
    tenant only.
    """
    from rookery_cli.actions.matrix import own_roles, show_matrix
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    output, own = Output(as_json=as_json), dict[str, frozenset[str]]()
    if not built_in:
        try:
            own = perform(context_of(ctx), own_roles)
        except NotRunning:
            output.note("the suite is not running: these are the built-in roles alone")
    show_matrix(own, output)


@app.command("list")
def list_(
    ctx: typer.Context, *, limit: Limit = DEFAULT_LIMIT, everything: Everything = False, as_json: AsJson = False
) -> None:
    """List roles by name, the built-in ones and the tenant's own."""
    from rookery_cli.actions.roles import list_roles
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: list_roles(client, extent, output))


@app.command()
def create(
    ctx: typer.Context,
    role: _Role,
    *,
    permission: _Permissions = None,
    description: _Description = None,
    as_json: AsJson = False,
) -> None:
    """Create a role.

    rookery roles create scribe -p messages:read -p "topics:*"
    """
    from rookery_cli.actions.roles import create_role
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    output = Output(as_json=as_json)
    perform(context_of(ctx), lambda client: create_role(client, role, description or "", permission or (), output))


@app.command()
def update(
    ctx: typer.Context,
    role: _Role,
    *,
    permission: _Permissions = None,
    description: _Description = None,
    as_json: AsJson = False,
) -> None:
    """Replace the description or all permissions of a role. Tokens that lose something are refused at once."""
    from rookery_cli.actions.roles import update_role
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    if description is None and not permission:
        raise Misused("there is nothing to change: give --permission or --description")
    output = Output(as_json=as_json)
    perform(context_of(ctx), lambda client: update_role(client, role, description, permission or (), output))


@app.command()
def delete(ctx: typer.Context, role: _Role, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete a role with its bindings. Tokens that carry it are refused at once."""
    from rookery_cli.actions.roles import delete_role
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    confirm(f"Delete the role {role} with its bindings?", yes=yes)
    perform(context_of(ctx), lambda client: delete_role(client, role, Output(as_json=as_json)))


@app.command()
def bind(ctx: typer.Context, subject: _Subject, role: _Role, *, as_json: AsJson = False) -> None:
    """Give a role to a subject, beside those of the credential that it uses."""
    from rookery_cli.actions.roles import bind_role
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: bind_role(client, subject, role, Output(as_json=as_json)))


@app.command()
def unbind(ctx: typer.Context, subject: _Subject, role: _Role, *, as_json: AsJson = False) -> None:
    """Take a bound role away. The subject's tokens are refused at once; the next ones are without it."""
    from rookery_cli.actions.roles import unbind_role
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: unbind_role(client, subject, role, Output(as_json=as_json)))


@app.command()
def bindings(
    ctx: typer.Context,
    *,
    subject: Annotated[str, typer.Option("--subject", metavar="SUBJECT", help="Only of this subject.")] = "",
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="Only of this role.")] = "",
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List who has which role by a binding."""
    from rookery_cli.actions.roles import list_bindings
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: list_bindings(client, subject, role, extent, output))


@app.command()
def check(
    ctx: typer.Context,
    question: Annotated[
        str, typer.Argument(metavar="PERMISSION|METHOD", help="Such as tasks:read, or a method as in the matrix.")
    ],
    *,
    subject: Annotated[str, typer.Option("--subject", metavar="SUBJECT", help="Whom; else yourself.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say whether somebody may do something, and why. Exits with 1 where they may not.

    rookery roles check AgentService/ListAgents --subject user:jane
    """
    from rookery_cli.actions.roles import check_permission
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    output = Output(as_json=as_json)
    if not perform(context_of(ctx), lambda client: check_permission(client, subject, question, output)):
        raise typer.Exit(1)
