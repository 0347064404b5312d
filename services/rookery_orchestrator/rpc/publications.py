"""What is told to many, as it comes over the wire."""

from rookery.orchestrator.v1 import message_service_pb2, topic_service_pb2
from rookery_kit.tracing import current_traceparent

from rookery_orchestrator.rpc.encoding import decode_payload, decode_priority
from rookery_orchestrator.topics.model import PublicationDraft, Selector

_ROLE = "role"


def decode_publication(
    request: "topic_service_pb2.PublishRequest | message_service_pb2.BroadcastRequest",
) -> PublicationDraft:
    """What is to be told."""
    return PublicationDraft(
        message_id=request.message_id,
        priority=decode_priority(request.priority),
        type=request.type,
        payload=decode_payload(request.payload),
        correlation_id=request.correlation_id,
        reply_to_agent_id=request.reply_to_agent_id,
        traceparent=current_traceparent(),
    )


def decode_selector(selector: "message_service_pb2.AgentSelector") -> Selector:
    """To whom. A role is a label like any other."""
    labels = dict(selector.labels) | ({_ROLE: selector.role} if selector.role else {})
    return Selector(selector.capability, labels, selector.online_only)
