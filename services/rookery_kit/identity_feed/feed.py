"""Following the stream on which auth says what every service must know about callers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from rookery.auth.v1 import tenant_pb2
from rookery.events.v1 import identity_pb2

from rookery_kit.bus.connection import Bus
from rookery_kit.bus.subjects import IDENTITY_BEAT, IDENTITY_REVOCATION, IDENTITY_SUBJECTS, identity_kind
from rookery_kit.bus.topology import IDENTITY_STREAM
from rookery_kit.clock import Clock
from rookery_kit.identity_feed.admission import Admission
from rookery_kit.identity_feed.revocations import Revocation, RevocationKind
from rookery_kit.identity_feed.tenant_states import Quotas, TenantState

_SERVER_BEATS_SECONDS = 2.0
_SILENCE_SECONDS = 3 * _SERVER_BEATS_SECONDS
_RETRY_SECONDS = 0.2
_KINDS = {
    identity_pb2.REVOCATION_KIND_TOKEN: RevocationKind.TOKEN,
    identity_pb2.REVOCATION_KIND_SESSION: RevocationKind.SESSION,
    identity_pb2.REVOCATION_KIND_SUBJECT: RevocationKind.SUBJECT,
    identity_pb2.REVOCATION_KIND_ROLE: RevocationKind.ROLE,
}
_log = structlog.get_logger(__name__)


class FeedBroken(Exception):
    """The subscription missed something, or its server went silent; it begins anew, with all that is in force."""


class IdentityFeed:
    """Keeps an Admission up to date.

    The stream holds the last message of each subject, so a subscription that begins anew learns all that is in force.
    `on_keys` is told the key ids of each beat; `on_narrowed` is called after revocations or suspensions
    came in.
    """

    def __init__(
        self,
        bus: Bus,
        admission: Admission,
        clock: Clock,
        *,
        on_keys: Callable[[Sequence[str]], Awaitable[None]],
        on_narrowed: Callable[[], None],
    ) -> None:
        self._bus = bus
        self._admission = admission
        self._clock = clock
        self._on_keys = on_keys
        self._on_narrowed = on_narrowed
        self._caught_up = asyncio.Event()
        self._last_beat = 0
        self._narrowed = False

    async def caught_up(self) -> None:
        """Returns once everything that was in force at the start of `run` is known."""
        await self._caught_up.wait()

    async def run(self) -> None:
        """Follows until cancelled. Outages of the bus are waited out."""
        while True:
            try:
                await self._follow()
            except (NatsError, OSError, TimeoutError, FeedBroken) as error:
                _log.warning("identity feed begins anew", error=str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        client = self._bus.client
        subscription = await client.subscribe(client.new_inbox())
        try:
            consumer = await self._bus.jetstream.add_consumer(
                IDENTITY_STREAM,
                ConsumerConfig(
                    deliver_subject=subscription.subject,
                    deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
                    filter_subject=IDENTITY_SUBJECTS,
                    ack_policy=AckPolicy.NONE,
                    idle_heartbeat=_SERVER_BEATS_SECONDS,
                    inactive_threshold=30,
                    mem_storage=True,
                    num_replicas=1,
                ),
            )
            expected = 1
            if not consumer.num_pending:
                self._caught_up.set()
            while True:
                message = await subscription.next_msg(timeout=_SILENCE_SECONDS)
                if _is_status(message):
                    continue
                metadata = message.metadata
                if metadata.sequence.consumer != expected:
                    raise FeedBroken("a message is missing")
                expected += 1
                await self._take(message)
                if not subscription.pending_msgs and self._narrowed:
                    self._narrowed = False
                    self._on_narrowed()
                if not metadata.num_pending:
                    self._caught_up.set()
        finally:
            if not client.is_closed:
                await subscription.unsubscribe()

    async def _take(self, message: Msg) -> None:
        kind = identity_kind(message.subject)
        try:
            if kind == IDENTITY_BEAT:
                await self._take_beat(identity_pb2.IdentityBeat.FromString(message.data), message)
            elif kind == IDENTITY_REVOCATION:
                self._admission.revocations.apply(_revocation(identity_pb2.Revocation.FromString(message.data)))
                self._narrowed = True
            else:
                state = _tenant_state(identity_pb2.TenantStanding.FromString(message.data))
                self._admission.tenants.apply(state)
                self._narrowed |= state.suspended
        except (DecodeError, KeyError, ValueError):
            # One that a later version of auth may understand must not keep the rest from being heard.
            _log.exception("identity message not understood", subject=message.subject)

    async def _take_beat(self, beat: identity_pb2.IdentityBeat, message: Msg) -> None:
        sequence = message.metadata.sequence.stream
        if sequence == self._last_beat:
            return
        self._last_beat = sequence
        self._admission.heard()
        self._admission.revocations.forget_expired(self._clock.now().timestamp())
        await self._on_keys(beat.kids)


def _is_status(message: Msg) -> bool:
    return not message.data and message.headers is not None and "Status" in message.headers


def _revocation(message: identity_pb2.Revocation) -> Revocation:
    return Revocation(
        tenant=message.tenant,
        kind=_KINDS[message.kind],
        target=message.target,
        revoke_time=message.revoke_time.ToNanoseconds() / 1e9,
        expire_time=message.expire_time.ToNanoseconds() / 1e9,
    )


def _tenant_state(message: identity_pb2.TenantStanding) -> TenantState:
    quotas = message.quotas
    return TenantState(
        tenant=message.tenant,
        suspended=message.state != tenant_pb2.TENANT_STATE_ACTIVE,
        quotas=Quotas(
            requests_per_second=quotas.requests_per_second,
            max_agents=quotas.max_agents,
            max_api_keys=quotas.max_api_keys,
            max_mailbox_messages=quotas.max_mailbox_messages,
            max_mailbox_bytes=quotas.max_mailbox_bytes,
        ),
        revision=message.revision,
    )
