"""Serving methods over NATS, behind the same pipeline as over gRPC."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog
from google.protobuf.message import Message
from google.rpc import status_pb2
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from rookery_kit.access_token import TokenInvalid, TokenMissing, TokenVerifier
from rookery_kit.clock import new_id
from rookery_kit.errors import ResourceExhausted, RookeryError
from rookery_kit.identity import Principal
from rookery_kit.nats_rpc.call_context import CallRefused, NatsCallContext
from rookery_kit.nats_rpc.stream import NatsStream
from rookery_kit.nats_rpc.subjects import (
    CalledMethod,
    call_subject,
    called_method,
    inbox_prefix,
    is_inbox,
    short_name,
    stream_id,
    stream_subject,
)
from rookery_kit.nats_rpc.wire import CONTENT_TYPE, PROTOBUF, STATUS, Codec, codec_of, timeout_of
from rookery_kit.rpc.pipeline import Pipeline, ShuttingDown
from rookery_kit.rpc.policy import method_policies
from rookery_kit.rpc.server import Registration, handlers_of
from rookery_kit.rpc.status import deadline_status, masked_status, status_of

_MOST_CALLS = 20_000
_MOST_STREAMS_OF_ONE = 64
_OK = "0"
_UNIMPLEMENTED = status_pb2.Status(code=12, message="no such method is called over NATS")
_BEARER = "Bearer "
_log = structlog.get_logger(__name__)


class TooManyCalls(ResourceExhausted):
    """The service answers as many calls over NATS as it can, or holds as many streams as one agent may have."""

    reason = "RATE_LIMITED"


@dataclass(frozen=True, slots=True)
class _Served:
    """A method with everything around it."""

    handler: Any
    request_class: type[Message]


class NatsRpcServer:
    """Answers calls that agents make on their own subjects; replicas under the same `name` share them.

    The broker vouches for the agent in the subject, and the token in the header must be that agent's. Answers go to
    the inbox of the connection that the token opened and nowhere else; a refusal, to the agent's own at the least.
    """

    def __init__(self, client: Client, pipeline: Pipeline, verifier: TokenVerifier, *, name: str) -> None:
        self._client = client
        self._pipeline = pipeline
        self._verifier = verifier
        self._name = name
        self._served: dict[tuple[str, str], _Served] = {}
        self._subscriptions: list[Subscription] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._streams: Counter[tuple[str, str]] = Counter()

    async def start(self, registrations: Iterable[Registration]) -> None:
        """Begins to answer."""
        for registration in registrations:
            for service, handlers in handlers_of(registration).items():
                policies = method_policies(service)
                for method, handler in handlers.items():
                    wrapped = self._pipeline.wrap(policies[method], handler)
                    self._served[short_name(service), method] = _Served(wrapped, policies[method].request_class)
                subject = call_subject("*", "*", service, "*")
                subscription = await self._client.subscribe(subject, queue=self._name, cb=self._take)
                self._subscriptions.append(subscription)
        if self._subscriptions:
            await self._client.flush()

    async def stop(self, grace: float) -> None:
        """Takes no new calls, and gives those under way `grace` seconds. The pipeline ends the streams."""
        for subscription in self._subscriptions:
            with suppress(NatsError):
                await subscription.unsubscribe()
        if self._calls:
            await asyncio.wait(self._calls, timeout=grace)
        for call in tuple(self._calls):
            call.cancel()
        if self._calls:
            await asyncio.wait(self._calls, timeout=grace)

    async def _take(self, message: Msg) -> None:
        called = called_method(message.subject)
        if called is None or not is_inbox(message.reply, called.agent_id):
            # An answer anywhere else would let an agent write where the broker does not let it.
            return
        call = asyncio.create_task(self._answer(message, called))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _answer(self, message: Msg, called: CalledMethod) -> None:
        """Answers one call, whatever becomes of it."""
        headers = dict(message.headers or {})
        codec = Codec(PROTOBUF)
        try:
            codec = codec_of(headers)
            served = self._served.get((called.service, called.method))
            if served is None:
                raise CallRefused(_UNIMPLEMENTED)
            if len(self._calls) > _MOST_CALLS:
                raise TooManyCalls("too many calls at once; repeat this one", retry_after=1)
            principal = await self._verify(headers, called, message.reply)
            data = codec.request(message.data, served.request_class)
            if served.handler.unary_unary is not None:
                await self._answer_once(message, headers, served, data, codec)
            else:
                with self._one_stream_more(called):
                    await self._answer_stream(message, called, principal, headers, served, data, codec)
        except NatsError as error:
            _log.warning("answer not sent", method=called.method, error=type(error).__name__)
        except (RookeryError, CallRefused) as error:
            await self._refuse(message.reply, codec, _status(error))
        except TimeoutError:
            await self._refuse(message.reply, codec, deadline_status())
        except asyncio.CancelledError:
            await self._refuse(message.reply, codec, status_of(ShuttingDown("the service is stopping")))
            raise
        except Exception:
            fault_id, status = masked_status()
            _log.exception("internal fault", method=called.method, fault_id=fault_id)
            await self._refuse(message.reply, codec, status)

    async def _verify(self, headers: Mapping[str, str], called: CalledMethod, reply: str) -> Principal:
        """Raises TokenMissing, what the verifier raises, and TokenInvalid for a good token of another connection."""
        token = headers.get("authorization", "")
        if not token.startswith(_BEARER):
            raise TokenMissing("send the connection's access token in the header: authorization: Bearer <token>")
        bare = token[len(_BEARER) :]
        principal = self._verifier.recall(bare) or await self._verifier.verify(bare)
        if principal.actors or (principal.tenant, principal.subject) != (called.tenant, called.subject_of_agent):
            raise TokenInvalid("the token is not that of the agent on whose subject it came")
        if not reply.startswith(inbox_prefix(called.agent_id, principal.token_id)):
            raise TokenInvalid("the token is not the one that opened the connection to whose inbox it wants an answer")
        return principal

    @contextmanager
    def _one_stream_more(self, called: CalledMethod) -> Iterator[None]:
        """Raises TooManyCalls for an agent that has as many streams as it may."""
        holder = (called.tenant, called.agent_id)
        if self._streams[holder] >= _MOST_STREAMS_OF_ONE:
            raise TooManyCalls(f"the agent has {_MOST_STREAMS_OF_ONE} streams; end one first", retry_after=1)
        self._streams[holder] += 1
        try:
            yield
        finally:
            self._streams[holder] -= 1
            if not self._streams[holder]:
                del self._streams[holder]

    async def _answer_once(
        self, message: Msg, headers: Mapping[str, str], served: _Served, data: bytes, codec: Codec
    ) -> None:
        context = NatsCallContext(headers, timeout_of(headers))
        async with asyncio.timeout(context.time_remaining()):
            answer = await served.handler.unary_unary(data, context)
        trailing = {name: str(value) for name, value in context.trailing}
        await self._client.publish(
            message.reply,
            codec.answer(answer),
            headers={**trailing, CONTENT_TYPE: codec.content_type, STATUS: _OK},
        )

    async def _answer_stream(
        self,
        message: Msg,
        called: CalledMethod,
        principal: Principal,
        headers: Mapping[str, str],
        served: _Served,
        data: bytes,
        codec: Codec,
    ) -> None:
        name = stream_id(principal.token_id, new_id())
        subject = stream_subject(called.tenant, called.agent_id, name)
        takes = served.request_class if served.handler.request_streaming else None
        stream = NatsStream(self._client, name, subject, message.reply, codec, takes)
        context = NatsCallContext(headers, None, stream.write)
        await stream.open(data)
        try:
            status = await self._run(stream, served, context, data)
            ending = {CONTENT_TYPE: codec.content_type, STATUS: str(status.code)}
            await stream.write_end(b"" if status.code == 0 else codec.status(status), ending)
        finally:
            await stream.close()

    async def _run(
        self, stream: NatsStream, served: _Served, context: NatsCallContext, data: bytes
    ) -> status_pb2.Status:
        """Runs the handler to its end, or to the end of the stream; answers the status."""
        if served.handler.stream_stream is not None:
            running = asyncio.ensure_future(served.handler.stream_stream(stream.frames(), context))
        else:
            running = asyncio.ensure_future(served.handler.unary_stream(data, context))
        watching = asyncio.create_task(stream.until_broken())
        try:
            await asyncio.wait({running, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done() and stream.broken is None and served.handler.stream_stream is not None:
                # The caller has sent its last frame; what it sent before is still to be answered.
                await asyncio.wait({running})
            if running.done() and not running.cancelled():
                error = running.exception()
                return status_pb2.Status() if error is None else _status(error)
            return status_pb2.Status() if stream.broken is None else status_of(stream.broken)
        finally:
            watching.cancel()
            if not running.done():
                running.cancel()
                with suppress(asyncio.CancelledError, CallRefused):
                    await running

    async def _refuse(self, reply: str, codec: Codec, status: status_pb2.Status) -> None:
        headers = {CONTENT_TYPE: codec.content_type, STATUS: str(status.code)}
        with suppress(NatsError):
            await self._client.publish(reply, codec.status(status), headers=headers)


def _status(error: BaseException) -> status_pb2.Status:
    if isinstance(error, CallRefused):
        return error.status
    if isinstance(error, RookeryError):
        return status_of(error)
    raise error
