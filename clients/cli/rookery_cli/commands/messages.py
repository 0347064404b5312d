"""rookery messages."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from enum import StrEnum
from typing import Annotated

import typer

from rookery_cli.options import AsJson, Data, File
from rookery_cli.state import context_of

app = typer.Typer(help="Send messages to agents.", no_args_is_help=True)


class Priority(StrEnum):
    """How urgent."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@app.callback()
def messages() -> None:
    """Keeps `send` a command of its own, beside those to come."""


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
    from rookery_cli.content import read_content
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    content, output = read_content(text=text, data=data, file=file), Output(as_json=as_json)
    perform(
        context_of(ctx),
        lambda client: send_message(client, recipient, content, kind, priority.value, correlation_id, output),
    )
