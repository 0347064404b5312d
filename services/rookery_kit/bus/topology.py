"""The streams: their names and settings, declared here and compared with the server at every start."""

from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

_DAY = 24 * 3600
_GIB = 1024**3


@dataclass(frozen=True)
class Topology:
    """How many copies each stream has, and how much it may hold."""

    replicas: int = 1
    max_bytes: int = _GIB

    def streams(self) -> tuple[StreamConfig, ...]:
        """The declaration of every stream."""
        return (
            # Mail waits until it is acknowledged, however long its agent is away.
            self._stream("MAIL", "rk.*.mail.*.*", RetentionPolicy.WORK_QUEUE, discard=DiscardPolicy.NEW),
            self._stream("TOPIC", "rk.*.topic.>", RetentionPolicy.LIMITS, max_age=7 * _DAY),
            self._stream("EVENT", "rk.*.event.*.*", RetentionPolicy.LIMITS, max_age=7 * _DAY),
            # Limits retention: dead letters must stay readable.
            self._stream("DLQ", "rk.*.dlq.*", RetentionPolicy.LIMITS, max_age=30 * _DAY),
        )

    def _stream(
        self,
        name: str,
        subject: str,
        retention: RetentionPolicy,
        *,
        discard: DiscardPolicy = DiscardPolicy.OLD,
        max_age: float = 0,
    ) -> StreamConfig:
        return StreamConfig(
            name=name,
            subjects=[subject],
            retention=retention,
            storage=StorageType.FILE,
            discard=discard,
            max_age=max_age,
            max_bytes=self.max_bytes,
            max_consumers=-1,
            num_replicas=self.replicas,
            duplicate_window=10 * 60,
            allow_direct=True,
        )


class TopologyMismatch(Exception):
    """A stream on the server has settings that cannot be brought in line; an operator must decide."""


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


def _differs(present: StreamConfig, wanted: StreamConfig) -> bool:
    names = ("subjects", "discard", "max_age", "max_bytes", "num_replicas", "duplicate_window", "allow_direct")
    return any(getattr(present, name) != getattr(wanted, name) for name in names)
