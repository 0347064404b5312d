"""The streams: their names and settings, declared here and compared with the server at every start."""

from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from rookery_kit.bus.subjects import IDENTITY_SUBJECTS, reply_subject

_DAY = 24 * 3600
_GIB = 1024**3
# The server takes no more than 1,000 where a stream does not say otherwise.
_MOST_CONSUMERS = 1_000_000
LEAST_MAX_PAYLOAD = 2 * 1024 * 1024
"""What a message on the bus may have at the least, in bytes: a payload of 1 MiB with all that goes along with it."""
IDENTITY_STREAM = "IDENTITY"
REPLY_STREAM = "REPLY"


@dataclass(frozen=True)
class Topology:
    """How many copies each stream has, and how much it may hold.

    `mailbox_messages`: how many messages of one priority may wait in one mailbox.
    """

    replicas: int = 1
    max_bytes: int = _GIB
    mailbox_messages: int = 100_000

    def streams(self) -> tuple[StreamConfig, ...]:
        """The declaration of every stream."""
        return (
            # Mail waits until it is acknowledged, however long its agent is away. What the audit trail is to take down
            # of it is in the same stream, because only so both are stored in one atomic batch.
            self._stream(
                "MAIL",
                "rk.*.mail.*.*",
                RetentionPolicy.WORK_QUEUE,
                also=("rk.*.trail.*",),
                discard=DiscardPolicy.NEW,
                max_msgs_per_subject=self.mailbox_messages,
            ),
            self._stream("TOPIC", "rk.*.topic.>", RetentionPolicy.LIMITS, max_age=7 * _DAY),
            # Answers to requests, until they are asked for again no more.
            self._stream(
                REPLY_STREAM,
                reply_subject("*", "*", "*"),
                RetentionPolicy.LIMITS,
                discard=DiscardPolicy.NEW,
                max_age=10 * 60,
            ),
            self._stream("EVENT", "rk.*.event.*.*", RetentionPolicy.LIMITS, max_age=7 * _DAY),
            # Limits retention: dead letters must stay readable.
            self._stream("DLQ", "rk.*.dlq.*", RetentionPolicy.LIMITS, max_age=30 * _DAY),
            # How often a piece of mail has failed: one record each.
            self._stream(
                "ATTEMPT", "rk.*.attempt.*.*", RetentionPolicy.LIMITS, max_age=30 * _DAY, max_msgs_per_subject=1
            ),
            # What is in force about callers: the last word on each subject, and no history.
            self._stream(IDENTITY_STREAM, IDENTITY_SUBJECTS, RetentionPolicy.LIMITS, max_msgs_per_subject=1),
        )

    def _stream(
        self,
        name: str,
        subject: str,
        retention: RetentionPolicy,
        *,
        also: tuple[str, ...] = (),
        discard: DiscardPolicy = DiscardPolicy.OLD,
        max_age: float = 0,
        max_msgs_per_subject: int = -1,
    ) -> StreamConfig:
        return StreamConfig(
            name=name,
            subjects=[subject, *also],
            retention=retention,
            storage=StorageType.FILE,
            discard=discard,
            # With a limit for each subject, the old is either replaced or in the way of the new.
            discard_new_per_subject=discard is DiscardPolicy.NEW and max_msgs_per_subject > 0,
            max_age=max_age,
            max_msgs_per_subject=max_msgs_per_subject,
            max_bytes=self.max_bytes,
            max_consumers=_MOST_CONSUMERS,
            num_replicas=self.replicas,
            duplicate_window=10 * 60,
            allow_direct=True,
            allow_atomic=True,
            allow_msg_ttl=True,
        )


class TopologyMismatch(Exception):
    """The server, or a stream on it, has settings that cannot be brought in line; an operator must decide."""


def require_max_payload(max_payload: int) -> None:
    """Raises TopologyMismatch when the server takes no messages as large as those of the suite may be."""
    if max_payload < LEAST_MAX_PAYLOAD:
        raise TopologyMismatch(
            f"NATS takes messages of at most {max_payload} bytes; set its max_payload to {LEAST_MAX_PAYLOAD} or more"
        )


async def ensure_topology(jetstream: JetStreamContext, topology: Topology) -> None:
    """Creates missing streams and brings others in line. Raises TopologyMismatch where that would lose data."""
    for wanted in topology.streams():
        assert wanted.name is not None
        try:
            present = (await jetstream.stream_info(wanted.name)).config
        except NotFoundError:
            await jetstream.add_stream(wanted)
            continue
        if (present.retention, present.storage) != (wanted.retention, wanted.storage):
            raise TopologyMismatch(f"the stream {wanted.name} has another retention or storage than this version needs")
        if _differs(present, wanted):
            await jetstream.update_stream(wanted)


_COMPARED = (
    "subjects",
    "max_msgs_per_subject",
    "discard",
    "discard_new_per_subject",
    "max_age",
    "max_bytes",
    "max_consumers",
    "num_replicas",
    "duplicate_window",
    "allow_direct",
    "allow_atomic",
    "allow_msg_ttl",
)


def _differs(present: StreamConfig, wanted: StreamConfig) -> bool:
    return any(getattr(present, name) != getattr(wanted, name) for name in _COMPARED)
