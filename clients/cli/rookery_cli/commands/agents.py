"""rookery agents."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from enum import StrEnum
from typing import Annotated

import typer

from rookery_cli.options import DEFAULT_LIMIT, AsJson, Everything, Limit
from rookery_cli.paging import Extent
from rookery_cli.state import context_of

app = typer.Typer(help="List, show and remove agents.", no_args_is_help=True)

_Key = Annotated[str, typer.Argument(metavar="AGENT", help="Its name, its id, or the beginning of its id.")]


class Status(StrEnum):
    """What can be asked for."""

    ONLINE = "online"
    OFFLINE = "offline"


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    capability: Annotated[
        str, typer.Option("--capability", "-c", metavar="NAME", help="Only those that can do this.")
    ] = "",
    status: Annotated[Status | None, typer.Option("--status", case_sensitive=False, help="Only those.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List agents by name."""
    from rookery_cli.actions.agents import list_agents
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    wanted = status.name if status else ""
    perform(context_of(ctx), lambda client: list_agents(client, capability, wanted, extent, output))


@app.command()
def get(ctx: typer.Context, agent: _Key, *, as_json: AsJson = False) -> None:
    """Show one agent."""
    from rookery_cli.actions.agents import show_agent
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: show_agent(client, agent, Output(as_json=as_json)))


@app.command()
def deregister(ctx: typer.Context, agent: _Key, *, as_json: AsJson = False) -> None:
    """Remove an agent; its name is free again. One that runs registers itself again."""
    from rookery_cli.actions.agents import deregister_agent
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: deregister_agent(client, agent, Output(as_json=as_json)))
