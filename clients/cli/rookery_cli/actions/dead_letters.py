"""Dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from rookery.orchestrator.v1 import dead_letter_pb2, dead_letter_service_pb2
from rookery_sdk import Client

from rookery_cli.chains import acting
from rookery_cli.lookup import find_agent
from rookery_cli.mail_documents import dead_letter_document
from rookery_cli.output import Column, Document, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.payload_text import payload_text
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago


def _attempts(dead: Document) -> str:
    lines = []
    for attempt in dead["attempts"]:
        where = " ".join(part for part in (attempt["handler"], attempt["agent_version"]) if part)
        line = f"{attempt['delivery']}: {ago(attempt['end_time'])}: {attempt['outcome']}"
        line += f" in {where}" if where else ""
        lines.append(f"{line}: {attempt['reason']}" if attempt["reason"] else line)
    return "\n".join(lines)


def _sender(dead: Document) -> str:
    return acting(dead["message"]["delegates"], dead["message"]["sender"])


_COLUMNS = (
    Column("ID", lambda dead: dead["id"], fixed=True),
    Column("STATE", lambda dead: dead["state"], fixed=True),
    Column("AGENT", lambda dead: dead["message"]["recipient_agent_id"]),
    Column("TYPE", lambda dead: dead["message"]["type"]),
    Column("FROM", _sender),
    Column("REASON", lambda dead: dead["reason"], fixed=True),
    Column("SAYS", lambda dead: dead["detail"]),
    Column("DIED", lambda dead: ago(dead["create_time"])),
)
_FIELDS = (
    Column("id", lambda dead: dead["id"]),
    Column("state", lambda dead: dead["state"]),
    Column("reason", lambda dead: dead["reason"]),
    Column("says", lambda dead: dead["detail"]),
    Column("deliveries", lambda dead: dead["deliveries"]),
    Column("handler", lambda dead: dead["handler"]),
    Column("agent version", lambda dead: dead["agent_version"]),
    Column("attempts", _attempts),
    Column("died", lambda dead: ago(dead["create_time"])),
    Column("changed by", lambda dead: dead["updated_by"]),
    Column("message", lambda dead: dead["message"]["id"]),
    Column("from", _sender),
    Column("to", lambda dead: dead["message"]["recipient_agent_id"]),
    Column("type", lambda dead: dead["message"]["type"]),
    Column("priority", lambda dead: dead["message"]["priority"]),
    Column("correlation id", lambda dead: dead["message"]["correlation_id"]),
    Column("sent", lambda dead: ago(dead["message"]["create_time"])),
    Column("content", lambda dead: payload_text(dead["message"]["payload"])),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dead letters. What is empty is not asked for; `filter` is a filter of the API."""

    agent: str = ""
    sender: str = ""
    type: str = ""
    reason: str = ""
    filter: str = ""

    async def expression(self, client: Client) -> str:
        """All of it as one filter. Raises Refused for an agent that there is not."""
        terms = [("sender", self.sender), ("type", self.type), ("reason", self.reason)]
        if self.agent:
            terms.append(("agent_id", (await find_agent(client, self.agent)).id))
        parts = [f"{name} = {_quoted(value)}" for name, value in terms if value]
        if self.filter:
            # Alone it stays as it is, so that an error names its characters as they were typed.
            parts.append(f"({self.filter})" if parts else self.filter)
        return " AND ".join(parts)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


async def list_dead_letters(client: Client, wanted: Wanted, extent: Extent, output: Output) -> None:
    """Shows dead letters, newest first."""
    filter_ = await wanted.expression(client)

    async def fetch(size: int, token: str) -> tuple[Sequence[dead_letter_pb2.DeadLetter], str]:
        request = dead_letter_service_pb2.ListDeadLettersRequest(page_size=size, page_token=token, filter=filter_)
        page = await client.dead_letters.ListDeadLetters(request, timeout=CALL_SECONDS)
        return page.dead_letters, page.next_page_token

    found, more = await collect(fetch, extent)
    output.listing("dead_letters", [dead_letter_document(dead) for dead in found], _COLUMNS, more=more)


async def show_dead_letter(client: Client, dead_letter_id: str, output: Output) -> None:
    """Shows one with its attempts."""
    request = dead_letter_service_pb2.GetDeadLetterRequest(dead_letter_id=dead_letter_id)
    dead = (await client.dead_letters.GetDeadLetter(request, timeout=CALL_SECONDS)).dead_letter
    output.one(dead_letter_document(dead), _FIELDS)


async def requeue_dead_letters(client: Client, dead_letter_id: str, wanted: Wanted, output: Output) -> None:
    """Sends one, or all that match, into their mailboxes again."""
    request = dead_letter_service_pb2.RequeueDeadLettersRequest(request_id=str(uuid4()))
    await _aim(client, request, dead_letter_id, wanted)
    requeued = (await client.dead_letters.RequeueDeadLetters(request, timeout=CALL_SECONDS)).requeued
    output.done({"requeued": requeued}, f"{_counted(requeued)} on the way into the mailbox again")


async def discard_dead_letters(client: Client, dead_letter_id: str, wanted: Wanted, output: Output) -> None:
    """Discards one, or all that match."""
    request = dead_letter_service_pb2.DiscardDeadLettersRequest(request_id=str(uuid4()))
    await _aim(client, request, dead_letter_id, wanted)
    discarded = (await client.dead_letters.DiscardDeadLetters(request, timeout=CALL_SECONDS)).discarded
    output.done({"discarded": discarded}, f"{_counted(discarded)} discarded")


async def _aim(
    client: Client,
    request: dead_letter_service_pb2.RequeueDeadLettersRequest | dead_letter_service_pb2.DiscardDeadLettersRequest,
    dead_letter_id: str,
    wanted: Wanted,
) -> None:
    if dead_letter_id:
        request.dead_letter_id = dead_letter_id
    elif filter_ := await wanted.expression(client):
        request.filter = filter_
    else:
        request.all = True


def _counted(count: int) -> str:
    return "1 dead letter is" if count == 1 else f"{count} dead letters are"
