"""What a handler knows about the call it answers."""

from collections.abc import Mapping
from typing import Any, Self

from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from rookery_kit.access_token import TokenMissing
from rookery_kit.identity import Principal

_propagator = TraceContextTextMapPropagator()


class Call:
    """Stands where gRPC passes its context. A handler gets at it with `Call.of(context)`."""

    __slots__ = ("_context", "_principal", "authorization", "method")

    def __init__(self, context: Any, method: str, authorization: str, principal: Principal | None) -> None:  # noqa: ANN401 -- gRPC's context is untyped at run time
        self._context = context
        self._principal = principal
        self.authorization = authorization
        self.method = method

    @classmethod
    def of(cls, context: object) -> Self:
        """The call behind the context that a handler was given."""
        assert isinstance(context, cls)
        return context

    @property
    def principal(self) -> Principal:
        """The caller. Raises TokenMissing on a public method that was called without a token."""
        if self._principal is None:
            raise TokenMissing("this call needs a token")
        return self._principal

    @property
    def forward(self) -> tuple[tuple[str, str], ...]:
        """Metadata with which to call another service on the caller's behalf."""
        return (("authorization", self.authorization),)

    @property
    def metadata(self) -> Mapping[str, str]:
        """The caller's metadata."""
        return dict(self._context.invocation_metadata())

    @property
    def traceparent(self) -> str:
        """The W3C traceparent of this call, for whatever carries its trace on."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get("traceparent", "")

    def remaining(self) -> float | None:
        """Seconds to the caller's deadline; None where it set none."""
        remaining: float | None = self._context.time_remaining()
        return remaining
