"""rookery agents watch, and rookery agents health."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from enum import StrEnum
from typing import Annotated

import typer

from rookery_cli.options import DEFAULT_LIMIT, LONGEST_SECONDS, MOST, AsJson, Everything, Limit
from rookery_cli.paging import Extent
from rookery_cli.state import context_of


class Status(StrEnum):
    """What can be asked for."""

    ONLINE = "online"
    OFFLINE = "offline"


def watch(
    ctx: typer.Context,
    *,
    capability: Annotated[
        str, typer.Option("--capability", "-c", metavar="NAME", help="Only those that can do this.")
    ] = "",
    status: Annotated[Status | None, typer.Option("--status", case_sensitive=False, help="Only those.")] = None,
    after: Annotated[
        int,
        typer.Option(
            "--after", metavar="REVISION", min=0, max=MOST, help="Go on after this revision; 0 shows all first."
        ),
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Show agents as they are, then every change, until interrupted."""
    from rookery_cli.actions.agent_watch import watch_agents
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    wanted, output = status.name if status else "", Output(as_json=as_json)
    perform(context_of(ctx), lambda client: watch_agents(client, capability, wanted, after, output))


def health(
    ctx: typer.Context,
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="Its name, its id, or the beginning of its id.")],
    *,
    minutes: Annotated[
        float,
        typer.Option("--minutes", "-m", metavar="N", min=0.1, max=LONGEST_SECONDS // 60, help="How far to look back."),
    ] = 60.0,
    every: Annotated[
        int, typer.Option("--every", metavar="SECONDS", min=0, max=604_800, help="Sum up over so long; 0: each report.")
    ] = 60,
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List what an agent has reported of its health, oldest first; by its whole id also when it is deregistered."""
    from rookery_cli.actions.agent_health import list_health
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: list_health(client, agent, minutes, every, extent, output))
