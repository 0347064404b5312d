"""What every call passes through: trace, deadline, size, identity, permission, validation, idempotency, errors.

Handlers are wrapped once, when they are registered, so that a call pays for no look-up and no chain of interceptors.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import grpc
import structlog
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc_status import rpc_status
from opentelemetry import metrics, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from rookery_kit.access_token import TokenMissing, TokenVerifier
from rookery_kit.errors import PermissionMissing, RookeryError, Unavailable
from rookery_kit.identity import Principal
from rookery_kit.postgres import Database
from rookery_kit.rpc.call import Call
from rookery_kit.rpc.idempotency import answer_once
from rookery_kit.rpc.policy import MethodPolicy
from rookery_kit.rpc.status import deadline_status, masked_status, status_of
from rookery_kit.rpc.validation import Decoder, RequestValidator, Undecodable

Handler = Callable[[Any, Any], Any]
_BEARER = "Bearer "
_propagator = TraceContextTextMapPropagator()
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
        tracer: trace.Tracer,
        meter: metrics.Meter,
        max_message_bytes: int,
        default_deadline: float,
    ) -> None:
        self._verifier = verifier
        self._database = database
        self._tracer = tracer
        self._validator = RequestValidator()
        self._max_message_bytes = max_message_bytes
        self._default_deadline = default_deadline
        self._streams: set[asyncio.Task[Any]] = set()
        self._draining = False
        self._duration = meter.create_histogram(
            "rpc.server.duration", unit="s", description="Time from the arrival of a call to its end"
        )

    def drain(self) -> None:
        """Ends every open stream with SHUTTING_DOWN; their handlers clean up as on a cancellation."""
        self._draining = True
        for task in self._streams:
            task.cancel()

    def wrap(
        self, policy: MethodPolicy, handler: "grpc.RpcMethodHandler[Any, Any]"
    ) -> "grpc.RpcMethodHandler[Any, Any]":
        """The same method with everything around it."""
        method: Any = handler  # its attributes are typed for synchronous servers
        decode = Decoder(policy.request_class, self._max_message_bytes)
        encode = handler.response_serializer
        if handler.request_streaming:
            assert handler.response_streaming, "no method of the suite takes a stream and answers once"
            return grpc.stream_stream_rpc_method_handler(self._stream(policy, method.stream_stream), decode, encode)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(self._stream(policy, method.unary_stream), decode, encode)
        return grpc.unary_unary_rpc_method_handler(self._unary(policy, method.unary_unary), decode, encode)

    def _unary(self, policy: MethodPolicy, handler: Handler) -> Handler:
        observe = self._observer(policy)

        async def unary(request: Message | Undecodable, context: Any) -> Message:  # noqa: ANN401 -- gRPC's context
            async def answer() -> Message:
                call = await self._admit(policy, context)
                self._validator.check(request)
                assert isinstance(request, Message)
                if policy.idempotent and request.request_id:  # type: ignore[attr-defined]
                    return await answer_once(
                        self._database,
                        call.principal,
                        policy.name,
                        request,
                        policy.response_class,
                        lambda: handler(request, call),
                    )
                result: Message = await handler(request, call)
                return result

            bounded: Callable[[], Awaitable[Message]] = answer
            if context.time_remaining() is None:
                bounded = lambda: asyncio.wait_for(answer(), self._default_deadline)  # noqa: E731 -- the same, in time
            with self._span(policy, context):
                response: Message = await observe(context, bounded)
                return response

        return unary

    def _stream(self, policy: MethodPolicy, handler: Handler) -> Handler:
        observe = self._observer(policy)

        async def stream(request_or_iterator: Any, context: Any) -> None:  # noqa: ANN401 -- gRPC's two shapes
            async def answer() -> None:
                call = await self._admit(policy, context)
                if isinstance(request_or_iterator, Message | Undecodable):
                    self._validator.check(request_or_iterator)
                    requests: object = request_or_iterator
                else:
                    requests = self._checked(request_or_iterator)
                async with aclosing(handler(requests, call)) as responses:
                    async for response in responses:
                        await context.write(response)

            with self._span(policy, context):
                await observe(context, lambda: self._until_drained(answer))

        return stream

    async def _until_drained(self, answer: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._refuse_when_draining()
        self._streams.add(task)
        try:
            await answer()
        except asyncio.CancelledError:
            # Cancelled by the drain below, or by the caller, who is gone and hears nothing.
            self._refuse_when_draining()
            raise
        finally:
            self._streams.discard(task)

    def _refuse_when_draining(self) -> None:
        if self._draining:
            raise ShuttingDown("the service is stopping; connect again", retry_after=0.5)

    async def _checked(self, requests: AsyncIterator[Message | Undecodable]) -> AsyncIterator[Message]:
        async for request in requests:
            self._validator.check(request)
            assert isinstance(request, Message)
            yield request

    async def _admit(self, policy: MethodPolicy, context: Any) -> Call:  # noqa: ANN401 -- gRPC's context
        authorization = ""
        for key, value in context.invocation_metadata():
            if key == "authorization":
                authorization = value
                break
        if policy.permission is None:
            return Call(context, policy.name, authorization, None)
        principal = await self._authenticate(authorization)
        if not principal.permits(policy.permission):
            _log.warning(
                "permission denied",
                subject=principal.subject,
                tenant=principal.tenant,
                method=policy.name,
                permission=policy.permission,
            )
            raise PermissionMissing(policy.permission)
        return Call(context, policy.name, authorization, principal)

    async def _authenticate(self, authorization: str) -> Principal:
        if not authorization.startswith(_BEARER):
            raise TokenMissing("send an access token in the metadata: authorization: Bearer <token>")
        token = authorization[len(_BEARER) :]
        return self._verifier.recall(token) or await self._verifier.verify(token)

    def _span(self, policy: MethodPolicy, context: Any) -> Any:  # noqa: ANN401 -- a context manager of the tracer
        carrier = {key: value for key, value in context.invocation_metadata() if key in {"traceparent", "tracestate"}}
        parent = _propagator.extract(carrier) if carrier else None
        return self._tracer.start_as_current_span(
            policy.name,
            context=parent,
            kind=trace.SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,
        )

    def _observer(self, policy: MethodPolicy) -> Callable[[Any, Callable[[], Awaitable[Any]]], Any]:
        """Runs an answer, measures it, and turns whatever it raises into a status."""
        service, _, method = policy.name.partition("/")
        attributes: dict[str, str | int] = {"rpc.service": service, "rpc.method": method}
        succeeded = {**attributes, "rpc.grpc.status_code": 0}

        async def observe(context: Any, answer: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 -- as gRPC has it
            begun = time.perf_counter()
            try:
                result = await answer()
            except RookeryError as error:
                status = status_of(error)
            except TimeoutError:
                status = deadline_status()
            except Exception:
                fault_id, status = masked_status()
                _log.exception("internal fault", method=policy.name, fault_id=fault_id)
            else:
                self._duration.record(time.perf_counter() - begun, succeeded)
                return result
            self._duration.record(time.perf_counter() - begun, {**attributes, "rpc.grpc.status_code": status.code})
            return await _abort(context, status)

        return observe


async def _abort(context: Any, status: status_pb2.Status) -> None:  # noqa: ANN401 -- gRPC's context
    trace.get_current_span().set_status(trace.StatusCode.ERROR, status.message)
    await context.abort_with_status(rpc_status.to_status(status))
