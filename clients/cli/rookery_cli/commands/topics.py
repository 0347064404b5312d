"""rookery topics."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from typing import Annotated

import typer

from rookery_cli.confirmation import Yes, confirm
from rookery_cli.options import DEFAULT_LIMIT, MOST, AsJson, Data, Everything, File, Limit
from rookery_cli.paging import Extent
from rookery_cli.state import context_of

app = typer.Typer(help="Topics: who has joined, publish, watch.", no_args_is_help=True)

_Topic = Annotated[str, typer.Argument(metavar="TOPIC", help="Its name.")]
_Agent = Annotated[str, typer.Argument(metavar="AGENT", help="Its name, its id, or the beginning of its id.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    member: Annotated[str, typer.Option("--member", metavar="AGENT", help="Only those that this agent joined.")] = "",
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List topics by name."""
    from rookery_cli.actions.topics import list_topics
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: list_topics(client, member, extent, output))


@app.command()
def create(
    ctx: typer.Context,
    topic: _Topic,
    *,
    description: Annotated[str, typer.Option("--description", metavar="TEXT", help="What it is about.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create a topic."""
    from rookery_cli.actions.topics import create_topic
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: create_topic(client, topic, description, Output(as_json=as_json)))


@app.command()
def delete(ctx: typer.Context, topic: _Topic, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Remove a topic and its members; what was published stays in the mailboxes."""
    from rookery_cli.actions.topics import delete_topic
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    confirm(f"Remove the topic {topic} with its members?", yes=yes)
    perform(context_of(ctx), lambda client: delete_topic(client, topic, Output(as_json=as_json)))


@app.command()
def members(
    ctx: typer.Context,
    topic: _Topic,
    *,
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List the members of a topic."""
    from rookery_cli.actions.topics import list_members
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: list_members(client, topic, extent, output))


@app.command()
def join(ctx: typer.Context, topic: _Topic, agent: _Agent, *, as_json: AsJson = False) -> None:
    """Make an agent a member of a topic."""
    from rookery_cli.actions.topics import join_topic
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: join_topic(client, topic, agent, Output(as_json=as_json)))


@app.command()
def leave(ctx: typer.Context, topic: _Topic, agent: _Agent, *, as_json: AsJson = False) -> None:
    """End the membership of an agent."""
    from rookery_cli.actions.topics import leave_topic
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: leave_topic(client, topic, agent, Output(as_json=as_json)))


@app.command()
def publish(
    ctx: typer.Context,
    topic: _Topic,
    text: Annotated[str | None, typer.Argument(help="The content, as text.")] = None,
    *,
    data: Data = None,
    file: File = None,
    kind: Annotated[str, typer.Option("--type", metavar="WORD", help="What kind of message, such as news.")] = "",
    as_json: AsJson = False,
) -> None:
    """Put a message into the mailbox of every member."""
    from rookery_cli.actions.topics import publish_to
    from rookery_cli.content import needed_content
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    content, output = needed_content(text=text, data=data, file=file), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: publish_to(client, topic, content, kind, output))


@app.command()
def watch(
    ctx: typer.Context,
    topic: _Topic,
    *,
    after: Annotated[
        int | None,
        typer.Option("--after", min=0, max=MOST, metavar="SEQUENCE", help="Begin after it; 0 is the oldest kept."),
    ] = None,
    count: Annotated[int | None, typer.Option("--count", min=1, metavar="N", help="End after so many.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is published, until Ctrl-C; with --json, a document a line."""
    from rookery_cli.actions.topics import watch_topic
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: watch_topic(client, topic, after, count, Output(as_json=as_json)))
