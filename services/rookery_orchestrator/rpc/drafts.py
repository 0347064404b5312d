"""What a sender asks for, off the wire."""

from rookery.orchestrator.v1 import message_service_pb2
from rookery_kit.rpc.times import moment_in, seconds_in

from rookery_orchestrator.mailbox.model import Draft
from rookery_orchestrator.rpc.encoding import decode_payload, decode_priority


def decode_draft(request: message_service_pb2.SendMessageRequest, traceparent: str) -> Draft:
    """A message to be sent, in the trace of the call that sends it. Raises InvalidArgument for times that are none."""
    return Draft(
        message_id=request.message_id,
        recipient_agent_id=request.recipient_agent_id,
        recipient_name=request.recipient_name,
        priority=decode_priority(request.priority),
        type=request.type,
        payload=decode_payload(request.payload),
        correlation_id=request.correlation_id,
        reply_to_agent_id=request.reply_to_agent_id,
        traceparent=traceparent,
        time_to_live=seconds_in(request, "time_to_live"),
        deliver_time=moment_in(request, "deliver_time"),
    )
