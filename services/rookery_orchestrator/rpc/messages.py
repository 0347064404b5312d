"""MessageService: decode, call, encode."""

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import cast

from rookery.orchestrator.v1 import message_pb2, message_service_pb2, message_service_pb2_grpc
from rookery_kit.rpc import Call
from rookery_kit.rpc.times import seconds_in

from rookery_orchestrator.mailbox.frames import (
    Deliveries,
    FromAgent,
    GrantCredits,
    Opened,
    OpenMailbox,
    Settled,
    SettleDeliveries,
    ToAgent,
)
from rookery_orchestrator.mailbox.model import Action, Delivery, Settlement
from rookery_orchestrator.mailbox.receiving import ReceiveMail
from rookery_orchestrator.mailbox.sending import SendMessage
from rookery_orchestrator.mailbox.wire import encode_message
from rookery_orchestrator.rpc.bulk_sending import BulkSending
from rookery_orchestrator.rpc.conversations import Conversations
from rookery_orchestrator.rpc.drafts import decode_draft
from rookery_orchestrator.rpc.mailboxes import Mailboxes


class MessageRpc(message_service_pb2_grpc.MessageServiceServicer):
    """Serves rookery.orchestrator.v1.MessageService."""

    def __init__(
        self,
        send_message: SendMessage,
        receive_mail: ReceiveMail,
        conversations: Conversations,
        mailboxes: Mailboxes,
    ) -> None:
        self._mailboxes = mailboxes
        self._send_message = send_message
        self._bulk_sending = BulkSending(send_message)
        self._receive_mail = receive_mail
        self._conversations = conversations

    async def SendMessage(
        self, request: message_service_pb2.SendMessageRequest, context: object
    ) -> message_service_pb2.SendMessageResponse:
        """Puts a message into a mailbox, or hands an answer to whoever waits for it."""
        call = Call.of(context)
        if request.reply_address:
            return await self._conversations.reply(request, call)
        sent = await self._send_message(call.principal, decode_draft(request, call.traceparent), call.forward)
        message = encode_message(sent.message, with_payload=False)
        return message_service_pb2.SendMessageResponse(message=message, duplicate=sent.duplicate)

    async def SendMessages(
        self, request_iterator: AsyncIterator[message_service_pb2.SendMessagesRequest], context: object
    ) -> AsyncIterator[message_service_pb2.SendMessagesResponse]:
        """Puts many messages into mailboxes."""
        async with aclosing(self._bulk_sending.serve(Call.of(context), request_iterator)) as results:
            async for each in results:
                yield each

    async def Request(
        self, request: message_service_pb2.RequestRequest, context: object
    ) -> message_service_pb2.RequestResponse:
        """Asks an agent and waits for its answer."""
        return await self._conversations.request(request, Call.of(context))

    async def Broadcast(
        self, request: message_service_pb2.BroadcastRequest, context: object
    ) -> message_service_pb2.BroadcastResponse:
        """Tells agents by what they are."""
        return await self._conversations.broadcast(request, Call.of(context))

    async def ListMessages(
        self, request: message_service_pb2.ListMessagesRequest, context: object
    ) -> message_service_pb2.ListMessagesResponse:
        """Messages of the audit trail."""
        return await self._mailboxes.list_messages(request, Call.of(context))

    async def GetMailbox(
        self, request: message_service_pb2.GetMailboxRequest, context: object
    ) -> message_service_pb2.GetMailboxResponse:
        """How a mailbox stands."""
        return await self._mailboxes.get_mailbox(request, Call.of(context))

    async def PurgeMailbox(
        self, request: message_service_pb2.PurgeMailboxRequest, context: object
    ) -> message_service_pb2.PurgeMailboxResponse:
        """Removes messages from a mailbox."""
        return await self._mailboxes.purge_mailbox(request, Call.of(context))

    async def Receive(
        self, request_iterator: AsyncIterator[message_service_pb2.ReceiveRequest], context: object
    ) -> AsyncIterator[message_service_pb2.ReceiveResponse]:
        """Delivers the mail of the calling agent."""
        call = Call.of(context)
        incoming = (_decode_frame(request) async for request in request_iterator)
        async with aclosing(self._receive_mail(call.principal, call.forward, incoming)) as outgoing:
            async for frame in outgoing:
                yield _encode_frame(frame)


def _decode_frame(request: message_service_pb2.ReceiveRequest) -> FromAgent:
    match request.WhichOneof("frame"):
        case "credits":
            return GrantCredits(request.credits.count)
        case "settle":
            return SettleDeliveries(tuple(_decode_settlement(settlement) for settlement in request.settle.settlements))
        case _:
            return OpenMailbox(request.open.session_epoch, request.open.agent_version)


def _decode_settlement(settlement: message_service_pb2.Settlement) -> Settlement:
    match settlement.WhichOneof("action"):
        case "ack":
            return Settlement(settlement.delivery_id, Action.ACK)
        case "nack":
            nack = settlement.nack
            delay = seconds_in(nack, "delay")
            return Settlement(settlement.delivery_id, Action.NACK, delay, nack.reason, nack.handler)
        case "in_progress":
            return Settlement(settlement.delivery_id, Action.IN_PROGRESS)
        case _:
            terminate = settlement.terminate
            return Settlement(
                settlement.delivery_id, Action.TERMINATE, reason=terminate.reason, handler=terminate.handler
            )


def _encode_frame(frame: ToAgent) -> message_service_pb2.ReceiveResponse:
    match frame:
        case Deliveries(deliveries):
            return _encode_deliveries(deliveries)
        case Settled(delivery_ids, unknown):
            settled = message_service_pb2.Settled(delivery_ids=delivery_ids, unknown_delivery_ids=unknown)
            return message_service_pb2.ReceiveResponse(settled=settled)
        case Opened():
            return message_service_pb2.ReceiveResponse(opened=message_service_pb2.MailboxOpened())


def _encode_deliveries(deliveries: Iterable[Delivery]) -> message_service_pb2.ReceiveResponse:
    """Filled in place: a message that is given to a constructor is copied, and again with what it is part of."""
    frame = message_service_pb2.ReceiveResponse()
    add = frame.deliveries.deliveries.add
    for delivery in deliveries:
        encoded = add(delivery_id=delivery.delivery_id, attempt=delivery.attempt)
        encoded.message.CopyFrom(cast("message_pb2.Message", delivery.mail))
    return frame
