"""The part of MessageService that is about asking, answering and telling many: decode, call, encode."""

from rookery.orchestrator.v1 import message_service_pb2
from rookery_kit.rpc import Call
from rookery_kit.tracing import current_traceparent

from rookery_orchestrator.mailbox.model import Draft
from rookery_orchestrator.mailbox.requests import AskAgent, Reply, ReplyToRequest
from rookery_orchestrator.mailbox.wire import encode_message
from rookery_orchestrator.rpc.encoding import decode_payload, decode_priority
from rookery_orchestrator.rpc.publications import decode_publication, decode_selector
from rookery_orchestrator.topics.publishing import Publishing

_DEFAULT_SECONDS = 30.0


class Conversations:
    """Serves Request and Broadcast, and SendMessage where it answers a request."""

    def __init__(self, ask_agent: AskAgent, reply_to_request: ReplyToRequest, publishing: Publishing) -> None:
        self._ask_agent = ask_agent
        self._reply_to_request = reply_to_request
        self._publishing = publishing

    async def request(
        self, request: message_service_pb2.RequestRequest, call: Call
    ) -> message_service_pb2.RequestResponse:
        """Asks an agent and waits for its answer."""
        remaining = call.remaining()
        within = _DEFAULT_SECONDS if remaining is None else remaining
        reply = await self._ask_agent(call.principal, _decode_question(request), call.forward, within)
        return message_service_pb2.RequestResponse(reply=encode_message(reply))

    async def reply(
        self, request: message_service_pb2.SendMessageRequest, call: Call
    ) -> message_service_pb2.SendMessageResponse:
        """Hands an answer to whoever waits for it."""
        reply = Reply(
            address=request.reply_address.lower(),
            message_id=request.message_id.lower(),
            priority=decode_priority(request.priority),
            type=request.type,
            payload=decode_payload(request.payload),
            correlation_id=request.correlation_id,
            traceparent=current_traceparent(),
        )
        sent = await self._reply_to_request(call.principal, reply)
        message = encode_message(sent.message, with_payload=False)
        return message_service_pb2.SendMessageResponse(message=message, duplicate=sent.duplicate)

    async def broadcast(
        self, request: message_service_pb2.BroadcastRequest, call: Call
    ) -> message_service_pb2.BroadcastResponse:
        """Tells agents by what they are."""
        selector, draft = decode_selector(request.selector), decode_publication(request)
        published = await self._publishing.broadcast(call.principal, selector, draft, call.forward)
        return message_service_pb2.BroadcastResponse(
            message_id=published.message_id,
            recipient_count=published.recipient_count,
            pending_count=published.pending_count,
            duplicate=published.duplicate,
        )


def _decode_question(request: message_service_pb2.RequestRequest) -> Draft:
    return Draft(
        message_id=request.message_id,
        recipient_agent_id=request.recipient_agent_id,
        recipient_name=request.recipient_name,
        priority=decode_priority(request.priority),
        type=request.type,
        payload=decode_payload(request.payload),
        correlation_id="",
        reply_to_agent_id="",
        traceparent=current_traceparent(),
    )
