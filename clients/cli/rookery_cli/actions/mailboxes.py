"""Mailboxes, and the audit trail of messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from rookery.orchestrator.v1 import mailbox_pb2, message_service_pb2
from rookery_sdk import Client

from rookery_cli.chains import acting
from rookery_cli.lookup import find_agent
from rookery_cli.mail_documents import mailbox_document, record_document
from rookery_cli.output import Column, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago

_PURGE_SECONDS = 300.0
_COLUMNS = (
    Column("ID", lambda record: record["id"], fixed=True),
    Column("STATE", lambda record: record["state"], fixed=True),
    Column("PRIORITY", lambda record: record["priority"], fixed=True),
    Column("TYPE", lambda record: record["type"]),
    Column("FROM", lambda record: acting(record["delegates"], record["sender"])),
    Column("TO", lambda record: record["recipient_agent_id"]),
    Column("CORRELATION", lambda record: record["correlation_id"]),
    Column("SENT", lambda record: ago(record["create_time"])),
    Column("ENDED", lambda record: ago(record["end_time"])),
)
_FIELDS = (
    Column("agent", lambda mailbox: mailbox["agent_id"]),
    Column("messages", lambda mailbox: mailbox["messages"]),
    Column("by priority", lambda mailbox: ", ".join(f"{name} {count}" for name, count in mailbox["depths"].items())),
    Column("oldest", lambda mailbox: ago(mailbox["oldest_message_time"])),
    Column("in flight", lambda mailbox: mailbox["in_flight"]),
    Column("redelivered", lambda mailbox: mailbox["redelivered"]),
    Column("dead letters", lambda mailbox: mailbox["dead_letters"]),
    Column("receiving", lambda mailbox: f"in session {mailbox['session_epoch']}" if mailbox["receiving"] else "no"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages. What is empty or None is not asked for; `within` is in seconds."""

    agent: str = ""
    correlation_id: str = ""
    type: str = ""
    state: str = ""
    within: float | None = None


async def list_messages(client: Client, wanted: Wanted, extent: Extent, output: Output) -> None:
    """Shows messages of the audit trail, newest first."""
    request = message_service_pb2.ListMessagesRequest(
        agent_id=(await find_agent(client, wanted.agent)).id if wanted.agent else "",
        correlation_id=wanted.correlation_id,
        type=wanted.type,
        state=f"MESSAGE_STATE_{wanted.state or 'UNSPECIFIED'}",
    )
    if wanted.within is not None:
        request.since.FromDatetime(_earlier(wanted.within))

    async def fetch(size: int, token: str) -> tuple[Sequence[mailbox_pb2.MessageRecord], str]:
        request.page_size, request.page_token = size, token
        page = await client.messages.ListMessages(request, timeout=CALL_SECONDS)
        return page.messages, page.next_page_token

    found, more = await collect(fetch, extent)
    output.listing("messages", [record_document(record) for record in found], _COLUMNS, more=more)


async def show_mailbox(client: Client, agent: str, output: Output) -> None:
    """Shows how the mailbox of an agent stands."""
    request = message_service_pb2.GetMailboxRequest(agent_id=(await find_agent(client, agent)).id)
    answer = await client.messages.GetMailbox(request, timeout=CALL_SECONDS)
    output.one(mailbox_document(answer.mailbox), _FIELDS)


async def purge_mailbox(client: Client, agent: str, priority: str, older_than: float | None, output: Output) -> None:
    """Removes messages from the mailbox of an agent; `older_than` is in seconds."""
    found = await find_agent(client, agent)
    request = message_service_pb2.PurgeMailboxRequest(
        request_id=str(uuid4()), agent_id=found.id, priority=f"PRIORITY_{priority or 'UNSPECIFIED'}"
    )
    if older_than is not None:
        request.before.FromDatetime(_earlier(older_than))
    purged = (await client.messages.PurgeMailbox(request, timeout=_PURGE_SECONDS)).purged
    told = "1 message is" if purged == 1 else f"{purged} messages are"
    output.done({"purged": purged, "agent_id": found.id}, f"{told} purged from the mailbox of {found.name}")


def _earlier(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)
