"""rookery tasks."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from enum import StrEnum
from typing import Annotated

import typer

from rookery_cli.options import (
    DEFAULT_LIMIT,
    LONGEST_SECONDS,
    AsJson,
    Data,
    Everything,
    File,
    Labels,
    Limit,
    Text,
    pairs,
)
from rookery_cli.paging import Extent
from rookery_cli.state import context_of

app = typer.Typer(help="List, show, create, cancel and watch tasks.", no_args_is_help=True)

_Id = Annotated[str, typer.Argument(metavar="ID", help="The task's id.")]


class State(StrEnum):
    """What can be asked for."""

    SUBMITTED = "submitted"
    WORKING = "working"
    INPUT_REQUIRED = "input_required"
    AUTH_REQUIRED = "auth_required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    state: Annotated[State | None, typer.Option("--state", "-s", case_sensitive=False, help="Only these.")] = None,
    capability: Annotated[str, typer.Option("--capability", "-c", metavar="NAME", help="Only tasks for this.")] = "",
    label: Labels = None,
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List tasks, newest first."""
    from rookery_cli.actions.tasks import list_tasks
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output, labels = Extent(None if everything else limit), Output(as_json=as_json), pairs(label, "--label")
    wanted = state.name if state else ""
    perform(context_of(ctx), lambda client: list_tasks(client, wanted, capability, labels, extent, output))


@app.command("get", hidden=True)
@app.command()
def show(ctx: typer.Context, task_id: _Id, *, as_json: AsJson = False) -> None:
    """Show one task with its attempts."""
    from rookery_cli.actions.tasks import show_task
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: show_task(client, task_id, Output(as_json=as_json)))


@app.command()
def create(
    ctx: typer.Context,
    capability: Annotated[str, typer.Argument(help="What an agent must be able to do to get it.")],
    *,
    data: Data = None,
    text: Text = None,
    file: File = None,
    title: Annotated[str, typer.Option("--title", "-t", metavar="TEXT", help="What it is, in a line.")] = "",
    priority: Annotated[
        int, typer.Option("--priority", "-p", min=-100, max=100, metavar="N", help="Higher goes first.")
    ] = 0,
    label: Labels = None,
    max_attempts: Annotated[
        int, typer.Option("--max-attempts", min=1, max=100, metavar="N", help="After so many it fails.")
    ] = 5,
    lease: Annotated[
        float | None, typer.Option("--lease", min=1, max=3600, metavar="SECONDS", help="Without a heartbeat; 10.")
    ] = None,
    within: Annotated[
        float | None,
        typer.Option("--within", min=0.001, max=LONGEST_SECONDS, metavar="SECONDS", help="After so long it fails."),
    ] = None,
    request_id: Annotated[
        str | None, typer.Option("--request-id", metavar="UUID", help="The same again answers the same task.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for its end and print its output.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create a task and print its id."""
    from rookery_cli.actions.tasks import Wanted, create_task
    from rookery_cli.content import read_content
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    content = read_content(text=text, data=data, file=file)
    wanted = Wanted(
        capability, content, title, priority, pairs(label, "--label"), max_attempts, lease, within, request_id
    )
    perform(context_of(ctx), lambda client: create_task(client, wanted, Output(as_json=as_json), wait=wait))


@app.command()
def cancel(ctx: typer.Context, task_id: _Id, *, as_json: AsJson = False) -> None:
    """Cancel a task that has not ended."""
    from rookery_cli.actions.tasks import cancel_task
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: cancel_task(client, task_id, Output(as_json=as_json)))


@app.command()
def watch(
    ctx: typer.Context,
    task_id: _Id,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document a line.")] = False,
) -> None:
    """Print every change of a task until it has ended. Exits with 1 unless it is COMPLETED."""
    from rookery_cli.actions.tasks import watch_task
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: watch_task(client, task_id, Output(as_json=as_json)))
