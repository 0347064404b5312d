"""The stream on which auth tells every service who may call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from nats.errors import Error as NatsError
from rookery.events.v1 import identity_pb2
from rookery_kit.bus import Bus, BusUnavailable
from rookery_kit.bus.subjects import beat_subject, revocation_subject
from rookery_kit.bus.topology import IDENTITY_STREAM
from rookery_kit.clock import new_id

from rookery_auth.model import Revocation


@dataclass(frozen=True, slots=True)
class StreamState:
    """Which stream it is and how far it has come. One that was lost comes back with another `created`.

    `connection` counts how often the server was connected to: one that came back may have lost its last messages.
    """

    created: datetime | None
    last_sequence: int
    connection: int

    def may_lack_what(self, earlier: "StreamState") -> bool:
        """Whether something may be missing that was there."""
        same = (self.created, self.connection) == (earlier.created, earlier.connection)
        return not same or self.last_sequence < earlier.last_sequence


class IdentityStream:
    """Reads the stream's state, beats, and removes what has expired. Raises BusUnavailable."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def state(self) -> StreamState:
        """The state at this moment."""
        connection = self._bus.client.stats["reconnects"]
        try:
            info = await self._bus.jetstream.stream_info(IDENTITY_STREAM)
        except (NatsError, OSError, TimeoutError) as error:
            raise BusUnavailable(f"the identity stream does not answer: {type(error).__name__}") from error
        return StreamState(info.created, info.state.last_seq, connection)

    async def beat(self, time: datetime, kids: Sequence[str]) -> None:
        """Says that what the stream holds is what auth holds."""
        sent = Timestamp()
        sent.FromDatetime(time)
        payload = identity_pb2.IdentityBeat(send_time=sent, kids=kids).SerializeToString()
        await self._bus.publish(beat_subject(), payload, message_id=f"beat-{new_id()}")

    async def remove(self, revocations: Sequence[Revocation], up_to: int) -> None:
        """Removes revocations that were announced up to a sequence number."""
        for each in revocations:
            subject = revocation_subject(each.tenant, each.id)
            try:
                await self._bus.jetstream.purge_stream(IDENTITY_STREAM, seq=up_to + 1, subject=subject)
            except (NatsError, OSError, TimeoutError) as error:
                raise BusUnavailable(f"the identity stream does not answer: {type(error).__name__}") from error
