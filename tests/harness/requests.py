"""Asking an agent and answering, at the wire."""

import asyncio
from typing import Any
from uuid import uuid4

from rookery.orchestrator.v1 import message_pb2, message_service_pb2, payload_pb2

from harness.mailbox_service import MailAgent, MailService
from harness.tokens import Bearer


def ask(
    service: MailService,
    agent: MailAgent,
    data: str,
    *,
    metadata: Bearer | None = None,
    timeout: float = 10,
    **more: Any,
) -> "asyncio.Future[message_service_pb2.RequestResponse]":
    """Asks as the administrator, or with the metadata given."""
    request = message_service_pb2.RequestRequest(
        recipient_agent_id=agent.id, payload=payload_pb2.Payload(content_type="text/plain", data=data.encode()), **more
    )
    call = service.messages.Request(request, metadata=metadata or service.mint.bearer(), timeout=timeout)
    return asyncio.ensure_future(call)


async def answer(
    service: MailService,
    agent: MailAgent,
    question: message_pb2.Message,
    data: str,
    message_id: str = "",
    **more: Any,
) -> message_service_pb2.SendMessageResponse:
    """Answers a question as an agent; without an id given, under a new one."""
    fields = {"correlation_id": question.id} | more
    return await service.messages.SendMessage(
        message_service_pb2.SendMessageRequest(
            message_id=message_id or str(uuid4()),
            reply_address=question.reply_address,
            payload=payload_pb2.Payload(content_type="text/plain", data=data.encode()),
            **fields,
        ),
        metadata=agent.metadata,
    )
