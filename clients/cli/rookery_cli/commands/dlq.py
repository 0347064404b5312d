"""rookery dlq."""

# ruff: noqa: PLC0415 -- a command imports what it needs when it runs, so that --help is fast

from enum import StrEnum
from typing import Annotated

import typer

from rookery_cli.confirmation import Yes, confirm
from rookery_cli.options import DEFAULT_LIMIT, AsJson, Everything, Limit
from rookery_cli.paging import Extent
from rookery_cli.refusal import Misused
from rookery_cli.state import context_of

app = typer.Typer(help="Look after dead letters: messages that could not be handled.", no_args_is_help=True)


class Reason(StrEnum):
    """Why messages were given up."""

    MAX_DELIVERIES = "MAX_DELIVERIES"
    TERMINATED = "TERMINATED"
    MAILBOX_FULL = "MAILBOX_FULL"


_EXAMPLE = 'state = DEAD AND type = "question"'
_Id = Annotated[str, typer.Argument(metavar="ID", help="The dead letter's id.")]
_OptionalId = Annotated[str, typer.Argument(metavar="[ID]", help="The dead letter's id; else say which.")]
_Agent = Annotated[str, typer.Option("--agent", "-a", metavar="AGENT", help="Only of this agent's mailbox.")]
_Sender = Annotated[str, typer.Option("--sender", metavar="SUBJECT", help="Only from this sender, such as user:admin.")]
_Type = Annotated[str, typer.Option("--type", metavar="WORD", help="Only messages of this type.")]
_Reason = Annotated[
    Reason | None, typer.Option("--reason", case_sensitive=False, help="Only those given up for this reason.")
]
_Filter = Annotated[str, typer.Option("--filter", metavar="FILTER", help=f"Only those, such as: {_EXAMPLE}")]
_All = Annotated[bool, typer.Option("--all", help="All of them.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    agent: _Agent = "",
    sender: _Sender = "",
    kind: _Type = "",
    reason: _Reason = None,
    filter_: _Filter = "",
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters, newest first. Without any choice those that wait for somebody to look at them."""
    from rookery_cli.actions.dead_letters import Wanted, list_dead_letters
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    wanted, output = Wanted(agent, sender, kind, reason or "", filter_), Output(as_json=as_json)
    extent = Extent(None if everything else limit)
    perform(context_of(ctx), lambda client: list_dead_letters(client, wanted, extent, output), filter_example=_EXAMPLE)


@app.command()
def show(ctx: typer.Context, dead_letter_id: _Id, *, as_json: AsJson = False) -> None:
    """Show one dead letter with its content and every attempt."""
    from rookery_cli.actions.dead_letters import show_dead_letter
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    perform(context_of(ctx), lambda client: show_dead_letter(client, dead_letter_id, Output(as_json=as_json)))


@app.command()
def requeue(
    ctx: typer.Context,
    dead_letter_id: _OptionalId = "",
    *,
    agent: _Agent = "",
    sender: _Sender = "",
    kind: _Type = "",
    reason: _Reason = None,
    filter_: _Filter = "",
    everything: _All = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send dead letters into their mailboxes again: one, those chosen, or all."""
    from rookery_cli.actions.dead_letters import Wanted, requeue_dead_letters
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    _require_choice(dead_letter_id, (agent, sender, kind, reason or "", filter_), everything=everything)
    if not dead_letter_id:
        confirm("Send all of these dead letters into their mailboxes again?", yes=yes)
    wanted, output = Wanted(agent, sender, kind, reason or "", filter_), Output(as_json=as_json)
    perform(
        context_of(ctx),
        lambda client: requeue_dead_letters(client, dead_letter_id, wanted, output),
        filter_example=_EXAMPLE,
    )


@app.command()
def discard(
    ctx: typer.Context,
    dead_letter_id: _OptionalId = "",
    *,
    agent: _Agent = "",
    sender: _Sender = "",
    kind: _Type = "",
    reason: _Reason = None,
    filter_: _Filter = "",
    everything: _All = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Discard dead letters: one, those chosen, or all. They cannot be requeued any more."""
    from rookery_cli.actions.dead_letters import Wanted, discard_dead_letters
    from rookery_cli.output import Output
    from rookery_cli.suite import perform

    _require_choice(dead_letter_id, (agent, sender, kind, reason or "", filter_), everything=everything)
    confirm("Discard for good?", yes=yes)
    wanted, output = Wanted(agent, sender, kind, reason or "", filter_), Output(as_json=as_json)
    perform(
        context_of(ctx),
        lambda client: discard_dead_letters(client, dead_letter_id, wanted, output),
        filter_example=_EXAMPLE,
    )


def _require_choice(dead_letter_id: str, choices: tuple[str, ...], *, everything: bool) -> None:
    if sum((bool(dead_letter_id), any(choices), everything)) != 1:
        raise Misused("say which: an id, or what to choose them by, or --all")
