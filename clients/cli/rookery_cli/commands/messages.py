"""rookery messages."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from enum import StrEnum
from typing import Annotated

import typer

from rookery_cli.confirmation import Yes, confirm
from rookery_cli.options import DEFAULT_LIMIT, LONGEST_SECONDS, AsJson, Data, Everything, File, Limit
from rookery_cli.paging import Extent
from rookery_cli.state import context_of

app = typer.Typer(help="Send messages to agents, list them, and look after mailboxes.", no_args_is_help=True)

_Agent = Annotated[str, typer.Argument(metavar="AGENT", help="Its name, its id, or the beginning of its id.")]


class Priority(StrEnum):
    """How urgent."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class State(StrEnum):
    """What became of a message."""

    SENT = "sent"
    ACKED = "acked"
    DEAD_LETTERED = "dead_lettered"
    EXPIRED = "expired"
    PURGED = "purged"


@app.command()
def send(
    ctx: typer.Context,
    recipient: Annotated[str, typer.Argument(metavar="AGENT", help="Its name, its id, or the beginning of its id.")],
    text: Annotated[str | None, typer.Argument(help="The content, as text.")] = None,
    *,
    data: Data = None,
    file: File = None,
    kind: Annotated[str, typer.Option("--type", metavar="WORD", help="What kind of message, such as question.")] = "",
    priority: Annotated[
        Priority, typer.Option("--priority", "-p", case_sensitive=False, help="Higher overtakes lower.")
    ] = Priority.NORMAL,
    correlation_id: Annotated[
        str, typer.Option("--correlation-id", metavar="ID", help="Ties an answer to its question.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Put a message into an agent's mailbox, where it waits if the agent is away."""
    from rookery_cli.actions.messages import send_message
    from rookery_cli.content import needed_content
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    content, output = needed_content(text=text, data=data, file=file), Output(as_json=as_json)
    perform(
        context_of(ctx),
        lambda client: send_message(client, recipient, content, kind, priority.value, correlation_id, output),
    )


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    agent: Annotated[
        str, typer.Option("--agent", "-a", metavar="AGENT", help="Only what this agent sent or was sent.")
    ] = "",
    correlation_id: Annotated[
        str, typer.Option("--correlation-id", metavar="ID", help="Only messages with this correlation id.")
    ] = "",
    kind: Annotated[str, typer.Option("--type", metavar="WORD", help="Only messages of this type.")] = "",
    state: Annotated[
        State | None, typer.Option("--state", "-s", case_sensitive=False, help="Only messages in this state.")
    ] = None,
    within: Annotated[
        float | None,
        typer.Option(
            "--within", min=0, max=LONGEST_SECONDS, metavar="SECONDS", help="Only messages of the last so many."
        ),
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List messages of the audit trail, newest first: what was sent, and what became of it."""
    from rookery_cli.actions.mailboxes import Wanted, list_messages
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    wanted = Wanted(agent, correlation_id, kind, state.name if state else "", within)
    extent, output = Extent(None if everything else limit), Output(as_json=as_json)
    perform(context_of(ctx), lambda client: list_messages(client, wanted, extent, output))


@app.command()
def mailbox(ctx: typer.Context, agent: _Agent, *, as_json: AsJson = False) -> None:
    """Show how the mailbox of an agent stands."""
    from rookery_cli.actions.mailboxes import show_mailbox
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: show_mailbox(client, agent, Output(as_json=as_json)))


@app.command()
def purge(
    ctx: typer.Context,
    agent: _Agent,
    *,
    priority: Annotated[
        Priority | None, typer.Option("--priority", "-p", case_sensitive=False, help="Only messages of this priority.")
    ] = None,
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than", min=0, max=LONGEST_SECONDS, metavar="SECONDS", help="Only messages older than this."
        ),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove messages from the mailbox of an agent, for good."""
    from rookery_cli.actions.mailboxes import purge_mailbox
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    confirm(f"Remove messages from the mailbox of {agent} for good?", yes=yes)
    wanted, output = priority.name if priority else "", Output(as_json=as_json)
    perform(context_of(ctx), lambda client: purge_mailbox(client, agent, wanted, older_than, output))
