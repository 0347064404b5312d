"""Answers to requests, on their way to the audit trail."""

from collections.abc import Callable

from rookery.events.v1 import mail_pb2
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import trail_subject

from rookery_orchestrator.mailbox.model import Message
from rookery_orchestrator.mailbox.requests import ReplyPlace
from rookery_orchestrator.mailbox.wire import encode_message


class JetStreamAnswerTrail:
    """Implements AnswerTrail. An entry bears the address of the request: by that the trail finds out who asked."""

    def __init__(self, bus: Bus, new_id: Callable[[], str], *, with_payloads: bool) -> None:
        self._bus = bus
        self._new_id = new_id
        self._with_payloads = with_payloads

    async def tell(self, place: ReplyPlace, answer: Message) -> None:
        """Hands an answer over, durably. Raises BusUnavailable, StreamFull or PayloadTooLarge."""
        entry = encode_message(answer._replace(reply_address=place.address), with_payload=self._with_payloads)
        trail = mail_pb2.Trail(sent=(entry,))
        trail_id = self._new_id()
        subject = trail_subject(place.tenant, trail_id)
        await self._bus.publish(subject, trail.SerializeToString(), message_id=trail_id)
