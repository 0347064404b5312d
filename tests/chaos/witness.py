"""What a receiver's stream carried, noted as it came, before the agent sorts out what it has handled already."""

import json

from harness.history import Kind, Lane, Note
from rookery.orchestrator.v1 import message_service_pb2
from rookery_sdk.frames import Outbound
from rookery_sdk.mailbox import Handle, Mailbox

from chaos.journal import Journal


class WitnessedMailbox(Mailbox):
    """Notes every delivery that arrives, and every acknowledgement that is confirmed on the stream it was sent on."""

    def __init__(self, handle: Handle, *, concurrency: int, agent_version: str, journal: Journal) -> None:
        super().__init__(handle, concurrency=concurrency, agent_version=agent_version)
        self._journal = journal
        self._delivered: dict[int, Note] = {}
        self._acknowledged: set[int] = set()

    def attach(
        self,
        outbound: Outbound[message_service_pb2.ReceiveRequest],
        first: message_service_pb2.ReceiveResponse,
    ) -> None:
        """Overhears the stream. Ids of deliveries are those of one stream."""
        self._delivered = {}
        self._acknowledged = set()
        super().attach(Overheard(outbound, self._acknowledged), first)

    def take(self, frame: message_service_pb2.ReceiveResponse) -> None:
        """Notes what the frame says."""
        for delivery in frame.deliveries.deliveries:
            content = json.loads(delivery.message.payload.data)
            lane, number = Lane(*content["lane"]), int(content["number"])
            note = Note(Kind.DELIVERED, delivery.message.id, lane, number, delivery.attempt)
            self._delivered[delivery.delivery_id] = note
            self._journal.note(note.kind, note.message_id, lane, number, note.attempt)
        for delivery_id in self._acknowledged.intersection(frame.settled.delivery_ids):
            settled = self._delivered.pop(delivery_id)
            self._acknowledged.discard(delivery_id)
            self._journal.note(Kind.SETTLED, settled.message_id, settled.lane, settled.number, settled.attempt)
        super().take(frame)


class Overheard(Outbound[message_service_pb2.ReceiveRequest]):
    """Puts the ids of the deliveries that are acknowledged into a set on their way to the stream."""

    def __init__(self, outbound: Outbound[message_service_pb2.ReceiveRequest], acknowledged: set[int]) -> None:
        super().__init__()
        self._outbound = outbound
        self._acknowledged = acknowledged

    def send(self, frame: message_service_pb2.ReceiveRequest) -> None:
        """Passes a frame on."""
        self._acknowledged.update(each.delivery_id for each in frame.settle.settlements if each.HasField("ack"))
        self._outbound.send(frame)
