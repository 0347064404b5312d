"""rookery servers."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from typing import Annotated

import typer

from rookery_cli.confirmation import Yes, confirm
from rookery_cli.options import DEFAULT_LIMIT, AsJson, Everything, Limit, pairs
from rookery_cli.paging import Extent
from rookery_cli.refusal import Misused
from rookery_cli.state import context_of

app = typer.Typer(help="List, show, register and delete MCP servers.", no_args_is_help=True)

_Key = Annotated[str, typer.Argument(metavar="SERVER", help="Its name, its id, or the beginning of its id.")]


@app.command("list")
def list_(
    ctx: typer.Context, *, limit: Limit = DEFAULT_LIMIT, everything: Everything = False, as_json: AsJson = False
) -> None:
    """List MCP servers by name."""
    from rookery_cli.actions.servers import list_servers
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: list_servers(client, extent, output))


@app.command("get", hidden=True)
@app.command()
def show(ctx: typer.Context, server: _Key, *, as_json: AsJson = False) -> None:
    """Show one MCP server; of its environment only the names."""
    from rookery_cli.actions.servers import show_server
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: show_server(client, server, Output(as_json=as_json)))


@app.command()
def register(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What its tools are called by, as NAME/tool.")],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND...]", help="The program to start, for a stdio server.")
    ] = None,
    *,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Its endpoint, for a streamable HTTP server.")
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", "-e", metavar="NAME=VALUE", help="Set for the program; may be given several times."),
    ] = None,
    cwd: Annotated[str, typer.Option("--cwd", metavar="DIR", help="Where the program runs, absolute.")] = "",
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="What it is for.")] = "",
    disabled: Annotated[bool, typer.Option("--disabled", help="Register it switched off.")] = False,
    as_json: AsJson = False,
) -> None:
    """Register an MCP server.

    Over stdio: rookery servers register git -- mcp-server-git --repository /srv/project

    Over HTTP: rookery servers register docs --url https://tools.example.com/mcp
    """
    from rookery_cli.actions.servers import NewServer, register_server
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    if (url is None) == (not command):
        raise Misused("give either a command or --url", "`rookery servers register --help` shows an example of each")
    if url is not None and (env or cwd):
        raise Misused("--env and --cwd are for a command, not for a server that is reached by URL")
    new = NewServer(name, command or (), url, pairs(env, "--env"), cwd, description, disabled)
    perform(context_of(ctx), lambda client: register_server(client, new, Output(as_json=as_json)))


@app.command()
def delete(ctx: typer.Context, server: _Key, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete an MCP server; its running sessions are closed."""
    from rookery_cli.actions.servers import delete_server
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    confirm(f"Delete the MCP server {server}?", yes=yes)
    perform(context_of(ctx), lambda client: delete_server(client, server, Output(as_json=as_json)))
