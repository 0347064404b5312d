"""MessageService: decode, call, encode."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from rookery.orchestrator.v1 import message_pb2, message_service_pb2, message_service_pb2_grpc
from rookery_kit.rpc import Call
from rookery_kit.tracing import current_traceparent

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
from rookery_orchestrator.mailbox.model import Action, Delivery, Draft, Priority, Settlement
from rookery_orchestrator.mailbox.receiving import ReceiveMail
from rookery_orchestrator.mailbox.sending import SendMessage
from rookery_orchestrator.mailbox.wire import encode_message, unseal
from rookery_orchestrator.rpc.encoding import decode_payload

_PRIORITIES = {
    message_pb2.PRIORITY_UNSPECIFIED: Priority.NORMAL,
    message_pb2.PRIORITY_HIGH: Priority.HIGH,
    message_pb2.PRIORITY_NORMAL: Priority.NORMAL,
    message_pb2.PRIORITY_LOW: Priority.LOW,
}


class MessageRpc(message_service_pb2_grpc.MessageServiceServicer):
    """Serves rookery.orchestrator.v1.MessageService."""

    def __init__(self, send_message: SendMessage, receive_mail: ReceiveMail) -> None:
        self._send_message = send_message
        self._receive_mail = receive_mail

    async def SendMessage(
        self, request: message_service_pb2.SendMessageRequest, context: object
    ) -> message_service_pb2.SendMessageResponse:
        """Puts a message into a mailbox."""
        call = Call.of(context)
        sent = await self._send_message(call.principal, _decode_draft(request), call.forward)
        message = encode_message(sent.message, with_payload=False)
        return message_service_pb2.SendMessageResponse(message=message, duplicate=sent.duplicate)

    async def Receive(
        self, request_iterator: AsyncIterator[message_service_pb2.ReceiveRequest], context: object
    ) -> AsyncIterator[message_service_pb2.ReceiveResponse]:
        """Delivers the mail of the calling agent."""
        call = Call.of(context)
        incoming = (_decode_frame(request) async for request in request_iterator)
        async with aclosing(self._receive_mail(call.principal, call.forward, incoming)) as outgoing:
            async for frame in outgoing:
                yield _encode_frame(frame)


def _decode_draft(request: message_service_pb2.SendMessageRequest) -> Draft:
    return Draft(
        message_id=request.message_id,
        recipient_agent_id=request.recipient_agent_id,
        recipient_name=request.recipient_name,
        priority=_PRIORITIES[request.priority],
        type=request.type,
        payload=decode_payload(request.payload),
        correlation_id=request.correlation_id,
        reply_to_agent_id=request.reply_to_agent_id,
        traceparent=current_traceparent(),
    )


def _decode_frame(request: message_service_pb2.ReceiveRequest) -> FromAgent:
    match request.WhichOneof("frame"):
        case "credits":
            return GrantCredits(request.credits.count)
        case "settle":
            return SettleDeliveries(tuple(_decode_settlement(settlement) for settlement in request.settle.settlements))
        case _:
            return OpenMailbox(request.open.session_epoch)


def _decode_settlement(settlement: message_service_pb2.Settlement) -> Settlement:
    match settlement.WhichOneof("action"):
        case "ack":
            return Settlement(settlement.delivery_id, Action.ACK)
        case "nack":
            nack = settlement.nack
            delay = nack.delay.ToTimedelta().total_seconds() if nack.HasField("delay") else None
            return Settlement(settlement.delivery_id, Action.NACK, delay, nack.reason)
        case "in_progress":
            return Settlement(settlement.delivery_id, Action.IN_PROGRESS)
        case _:
            return Settlement(settlement.delivery_id, Action.TERMINATE, reason=settlement.terminate.reason)


def _encode_frame(frame: ToAgent) -> message_service_pb2.ReceiveResponse:
    match frame:
        case Deliveries(deliveries):
            encoded = message_service_pb2.Deliveries(deliveries=map(_encode_delivery, deliveries))
            return message_service_pb2.ReceiveResponse(deliveries=encoded)
        case Settled(delivery_ids, unknown):
            settled = message_service_pb2.Settled(delivery_ids=delivery_ids, unknown_delivery_ids=unknown)
            return message_service_pb2.ReceiveResponse(settled=settled)
        case Opened():
            return message_service_pb2.ReceiveResponse(opened=message_service_pb2.MailboxOpened())


def _encode_delivery(delivery: Delivery) -> message_service_pb2.Delivery:
    return message_service_pb2.Delivery(
        delivery_id=delivery.delivery_id, message=unseal(delivery.mail), attempt=delivery.attempt
    )
