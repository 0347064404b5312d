"""What every call passes through: trace, identity, permission, validation, deadline, idempotency, errors, metrics.

Handlers are wrapped once, when they are registered, so that a call pays for no look-up and no chain of interceptors.
`docs/benchmarks.md` says what all of it costs beside a bare server.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from functools import partial
from time import perf_counter
from typing import Any

import grpc
import structlog
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc_status import rpc_status
from opentelemetry import trace
from opentelemetry.context import Context, attach
from protovalidate import Validator

from rookery_kit.access_token import TokenMissing, TokenVerifier
from rookery_kit.errors import FirstTenantOnly, PermissionDenied, PermissionMissing, RookeryError, Unavailable
from rookery_kit.identity import FIRST_TENANT, Principal, current_principal
from rookery_kit.postgres import Database
from rookery_kit.rate_limits import Headers, RateLimiter
from rookery_kit.rpc.auditing import CallAudit
from rookery_kit.rpc.call import Call
from rookery_kit.rpc.call_durations import CallDurations
from rookery_kit.rpc.idempotency import answer_once
from rookery_kit.rpc.open_stream import OpenStream
from rookery_kit.rpc.policy import MethodPolicy
from rookery_kit.rpc.status import deadline_status, masked_status, status_of
from rookery_kit.rpc.validation import RequestReader
from rookery_kit.tracing import call_spans

Handler = Callable[[Any, Any], Any]
Answer = Callable[[Any, Call], Awaitable[Any]]
_BEARER = "Bearer "
# Under which a context holds its span: set_span_in_context would copy a context each time to put it there.
_SPAN_KEY = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))
_OK: int = grpc.StatusCode.OK.value[0]
_CANCELLED: int = grpc.StatusCode.CANCELLED.value[0]
_log = structlog.get_logger(__name__)


class ShuttingDown(Unavailable):
    """The service is stopping; connect again."""

    reason = "SHUTTING_DOWN"


class Pipeline:
    """Wraps the handlers of a server."""

    def __init__(
        self,
        *,
        verifier: TokenVerifier,
        database: Database,
        audit: CallAudit,
        tracer: trace.Tracer,
        durations: CallDurations,
        limiter: RateLimiter,
        max_message_bytes: int,
        default_deadline: float,
    ) -> None:
        self._verifier = verifier
        self._limiter = limiter
        self._database = database
        self._audit = audit
        self._begin_span = call_spans(tracer)
        self._durations = durations
        self._validator = Validator()
        self._max_message_bytes = max_message_bytes
        self._default_deadline = default_deadline
        self._streams: set[OpenStream] = set()
        self._draining = False
        verifier.on_withdrawal(self.end_refused_streams)

    def drain(self) -> None:
        """Ends every open stream with SHUTTING_DOWN; their handlers clean up as on a cancellation."""
        self._draining = True
        for stream in self._streams:
            stream.end()

    def end_refused_streams(self) -> None:
        """Ends the open streams whose callers' tokens are no longer accepted, with what they are refused for."""
        for stream in self._streams:
            if stream.principal is not None and not self._verifier.admits(stream.principal):
                stream.end()

    def wrap(
        self, policy: MethodPolicy, handler: "grpc.RpcMethodHandler[Any, Any]"
    ) -> "grpc.RpcMethodHandler[Any, Any]":
        """The same method with everything around it."""
        method: Any = handler  # its attributes are typed for synchronous servers
        read = RequestReader(policy.request_class, self._max_message_bytes, self._validator)
        encode = handler.response_serializer
        if handler.request_streaming:
            assert handler.response_streaming, "no method of the suite takes a stream and answers once"
            stream = self._around(policy, self._stream(partial(_each, read), method.stream_stream))
            return grpc.stream_stream_rpc_method_handler(stream, None, encode)
        if handler.response_streaming:
            stream = self._around(policy, self._stream(read, method.unary_stream))
            return grpc.unary_stream_rpc_method_handler(stream, None, encode)
        answer = method.unary_unary
        if policy.audit:
            answer = self._audit.around(policy, answer)
        if policy.idempotent:
            answer = self._once(policy, answer)
        return grpc.unary_unary_rpc_method_handler(self._around(policy, self._unary(read, answer)), None, encode)

    def _around(self, policy: MethodPolicy, answer: Answer) -> Handler:
        """Traces, admits and measures a call, and turns whatever `answer` raises into a status."""
        observe = self._durations.of(policy.name)
        verifier, begin_span, decide = self._verifier, self._begin_span, self._limiter.decide

        async def around(request: Any, context: Any) -> Any:  # noqa: ANN401 -- gRPC's shapes
            begun = perf_counter()
            metadata = dict(context.invocation_metadata())
            span = begin_span(policy.name, metadata)
            # Current for the rest of the task, which gRPC makes for each call.
            attach(Context({_SPAN_KEY: span}))
            code, principal, permitted = _OK, None, False
            limit: Headers = ()
            try:
                if policy.permission is not None:
                    token = _bearer_token(metadata)
                    principal = verifier.recall(token) or await verifier.verify(token)
                    limit, refusal = decide(principal)
                    if limit:
                        context.set_trailing_metadata(limit)
                    if refusal:
                        raise refusal
                    _permit(principal, policy, span)
                    permitted = True
                return await answer(request, Call(context, policy.name, metadata, principal))
            except asyncio.CancelledError:
                # The caller has gone, or its deadline has passed; nobody hears an answer.
                code = _CANCELLED
                raise
            except Exception as error:
                if principal is not None and isinstance(error, PermissionDenied) and not (permitted and policy.audit):
                    self._audit.denied(policy, principal, error)
                status = _status(error, policy.name)
                code = status.code
                span.set_status(trace.StatusCode.ERROR, status.message)
                told = rpc_status.to_status(status)
                return await context.abort(told.code, told.details, (*told.trailing_metadata, *limit))
            finally:
                observe(perf_counter() - begun, code)
                span.end()

        return around

    def _unary(self, read: RequestReader, handler: Handler) -> Answer:
        def unary(data: bytes, call: Call) -> Awaitable[Any]:
            request = read(data)
            return self._in_time(handler, request, call) if call.remaining() is None else handler(request, call)

        return unary

    async def _in_time(self, handler: Handler, request: Message, call: Call) -> Any:  # noqa: ANN401 -- as the handler
        async with asyncio.timeout(self._default_deadline):
            return await handler(request, call)

    def _once(self, policy: MethodPolicy, handler: Handler) -> Handler:
        async def answered_once(request: Any, call: Call) -> Message:  # noqa: ANN401 -- every such request has a request_id
            if not request.request_id:
                response: Message = await handler(request, call)
                return response
            return await answer_once(
                self._database,
                call.principal,
                policy.name,
                request,
                policy.response_class,
                lambda: handler(request, call),
            )

        return answered_once

    def _stream(self, read: Callable[[Any], object], handler: Handler) -> Answer:
        async def stream(data_or_iterator: Any, call: Call) -> None:  # noqa: ANN401 -- gRPC's two shapes
            requests = read(data_or_iterator)
            with self._ended_from_here(call.caller) as opened:
                async with aclosing(handler(requests, call)) as responses:
                    async for response in responses:
                        await opened.write(call, response)

        return stream

    @contextmanager
    def _ended_from_here(self, principal: Principal | None) -> Iterator[OpenStream]:
        self._refuse_when_draining()
        opened = OpenStream(principal)
        self._streams.add(opened)
        try:
            yield opened
        except asyncio.CancelledError:
            # Cancelled by `drain`, by `end_refused_streams`, or by the caller, who is gone and hears nothing.
            self._refuse_when_draining()
            if principal is not None:
                self._verifier.admit(principal)
            raise
        finally:
            self._streams.remove(opened)

    def _refuse_when_draining(self) -> None:
        if self._draining:
            raise ShuttingDown("the service is stopping; connect again", retry_after=0.5)


async def _each(read: RequestReader, frames: AsyncIterator[bytes]) -> AsyncIterator[Message]:
    async for frame in frames:
        yield read(frame)


def _bearer_token(metadata: Mapping[str, str]) -> str:
    authorization = metadata.get("authorization", "")
    if not authorization.startswith(_BEARER):
        raise TokenMissing("send an access token in the metadata: authorization: Bearer <token>")
    return authorization[len(_BEARER) :]


def _permit(principal: Principal, policy: MethodPolicy, span: trace.Span) -> None:
    """Makes the caller known to logs and trace. Raises PermissionMissing or FirstTenantOnly, and logs that."""
    permission = policy.permission
    assert permission is not None
    current_principal.set(principal)
    if span.is_recording():
        span.set_attributes({"rookery.tenant": principal.tenant, "rookery.subject": principal.subject})
    if not principal.permits(permission):
        _log.warning("permission denied", method=policy.name, permission=permission)
        raise PermissionMissing(permission)
    if policy.installation and principal.tenant != FIRST_TENANT:
        _log.warning("permission denied", method=policy.name, tenant=principal.tenant)
        raise FirstTenantOnly(f"only callers of the first tenant, {FIRST_TENANT}, may call this method")


def _status(error: Exception, method: str) -> status_pb2.Status:
    """What the caller is told of an error; one that nobody expected is logged and masked."""
    if isinstance(error, RookeryError):
        return status_of(error)
    if isinstance(error, TimeoutError):
        return deadline_status()
    fault_id, status = masked_status()
    _log.error("internal fault", method=method, fault_id=fault_id, exc_info=error)
    return status
