"""rookery agents."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from enum import StrEnum
from typing import Annotated

import typer

from rookery_cli.commands import agent_liveness
from rookery_cli.confirmation import Yes, confirm
from rookery_cli.options import DEFAULT_LIMIT, AsJson, Everything, Labels, Limit, pairs
from rookery_cli.paging import Extent
from rookery_cli.state import context_of

app = typer.Typer(help="List, find, show, drain and remove agents.", no_args_is_help=True)
app.command()(agent_liveness.watch)
app.command()(agent_liveness.health)

_Filter = Annotated[
    str, typer.Option("--filter", metavar="FILTER", help="Only those for which this holds, such as 'name = build-*'.")
]
_EXAMPLE = 'capabilities:search AND NOT labels.team = "x"'
_Key = Annotated[str, typer.Argument(metavar="AGENT", help="Its name, its id, or the beginning of its id.")]


class Status(StrEnum):
    """What can be asked for."""

    ONLINE = "online"
    DRAINING = "draining"
    OFFLINE = "offline"


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    capability: Annotated[
        str, typer.Option("--capability", "-c", metavar="NAME", help="Only those that can do this.")
    ] = "",
    status: Annotated[Status | None, typer.Option("--status", case_sensitive=False, help="Only those.")] = None,
    filter_: _Filter = "",
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List agents by name."""
    from rookery_cli.actions.agents import list_agents, listing_of
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    wanted = status.name if status else "UNSPECIFIED"
    perform(
        context_of(ctx),
        lambda client: list_agents(client, listing_of(capability, wanted, filter_), extent, output),
        filter_example=_EXAMPLE,
    )


@app.command()
def find(
    ctx: typer.Context,
    capabilities: Annotated[list[str] | None, typer.Argument(metavar="[CAPABILITY]...", help="All of these.")] = None,
    *,
    label: Labels = None,
    filter_: _Filter = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, metavar="N", help="Show so many.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show the agents fit best for a task: online, with room for more, the least loaded first."""
    from rookery_cli.actions.agents import find_agents, search_of
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    labels, output = pairs(label, "--label"), Output(as_json=as_json)
    perform(
        context_of(ctx),
        lambda client: find_agents(client, search_of(capabilities or [], labels, filter_, limit), output),
        filter_example=_EXAMPLE,
    )


@app.command("get", hidden=True)
@app.command()
def show(ctx: typer.Context, agent: _Key, *, as_json: AsJson = False) -> None:
    """Show one agent."""
    from rookery_cli.actions.agents import show_agent
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: show_agent(client, agent, Output(as_json=as_json)))


@app.command()
def drain(ctx: typer.Context, agent: _Key, *, as_json: AsJson = False) -> None:
    """Give an agent no new tasks; it finishes what it has. Holds until `resume`, over restarts of the agent too."""
    _instruct(ctx, agent, "DRAIN", as_json=as_json)


@app.command()
def resume(ctx: typer.Context, agent: _Key, *, as_json: AsJson = False) -> None:
    """Give a drained agent tasks again."""
    _instruct(ctx, agent, "RESUME", as_json=as_json)


def _instruct(ctx: typer.Context, agent: str, instruction: str, *, as_json: bool) -> None:
    from rookery_cli.actions.agents import instruct_agent
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: instruct_agent(client, agent, instruction, Output(as_json=as_json)))


@app.command()
def deregister(ctx: typer.Context, agent: _Key, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Remove an agent; its name is free again. One that runs registers itself again."""
    from rookery_cli.actions.agents import deregister_agent
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    confirm(f"Remove the agent {agent}?", yes=yes)
    perform(context_of(ctx), lambda client: deregister_agent(client, agent, Output(as_json=as_json)))
