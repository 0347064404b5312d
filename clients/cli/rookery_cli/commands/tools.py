"""rookery tools."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

import json
from typing import Annotated

import typer

from rookery_cli.options import DEFAULT_LIMIT, AsJson, Everything, Limit, pairs
from rookery_cli.paging import Extent
from rookery_cli.refusal import Misused
from rookery_cli.state import context_of

app = typer.Typer(help="List and call the tools of MCP servers.", no_args_is_help=True)


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    server: Annotated[str, typer.Option("--server", "-s", metavar="NAME", help="Only the tools of this one.")] = "",
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List tools; with --json also the schemas of their arguments."""
    from rookery_cli.actions.tools import list_tools
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: list_tools(client, server, extent, output))


@app.command()
def call(
    ctx: typer.Context,
    server: Annotated[str, typer.Argument(help="The MCP server's name.")],
    tool: Annotated[str, typer.Argument(help="The tool's name.")],
    *,
    arg: Annotated[
        list[str] | None,
        typer.Option("--arg", "-a", metavar="NAME=VALUE", help="An argument; JSON if it reads as JSON, else text."),
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", "-d", metavar="JSON", help="The arguments, as a JSON object.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.001, max=600, metavar="SECONDS", help="What it may take; 30.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Call a tool and print what it answers."""
    from rookery_cli.actions.tools import call_tool
    from rookery_cli.content import parse_json
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    arguments = parse_json(data, "--data") if data is not None else {}
    if not isinstance(arguments, dict):
        raise Misused("--data is not a JSON object")
    arguments |= {name: _value(text) for name, text in pairs(arg, "--arg").items()}
    output = Output(as_json=as_json)
    perform(context_of(ctx), lambda client: call_tool(client, server, tool, arguments, timeout, output))


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
