"""The audit trail of messages, as callers see it."""

from collections.abc import Sequence
from typing import Any

from rookery.orchestrator.v1 import mailbox_pb2, message_service_pb2

from harness.eventually import eventually
from harness.mailbox_service import MailService
from harness.tokens import Bearer


async def listing(
    mail: MailService, metadata: Bearer | None = None, **fields: object
) -> Sequence[mailbox_pb2.MessageRecord]:
    """What the trail has, for the administrator or the caller of the metadata given."""
    request = message_service_pb2.ListMessagesRequest(**fields)  # type: ignore[arg-type]
    return (await mail.messages.ListMessages(request, metadata=metadata or mail.mint.bearer())).messages


async def listed(mail: MailService, count: int, **fields: Any) -> Sequence[mailbox_pb2.MessageRecord]:
    """So many records, once there are so many."""

    async def enough() -> Sequence[mailbox_pb2.MessageRecord]:
        found = await listing(mail, **fields)
        assert len(found) == count, found
        return found

    return await eventually(enough)
