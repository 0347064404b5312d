"""What a handler knows about the call it answers."""

from collections.abc import Awaitable, Mapping
from typing import Any, Self

from rookery_kit.access_token import TokenMissing
from rookery_kit.identity import Principal
from rookery_kit.tracing import current_traceparent


class Call:
    """Stands where gRPC passes its context. A handler gets at it with `Call.of(context)`.

    `method` is `<service>/<name>`; `metadata` is what the caller sent along.
    """

    __slots__ = ("_context", "_principal", "metadata", "method")

    def __init__(self, context: Any, method: str, metadata: Mapping[str, str], principal: Principal | None) -> None:  # noqa: ANN401 -- gRPC's context is untyped at run time
        self._context = context
        self._principal = principal
        self.metadata = metadata
        self.method = method

    @classmethod
    def of(cls, context: object) -> Self:
        """The call behind the context that a handler was given."""
        assert isinstance(context, cls)
        return context

    @property
    def principal(self) -> Principal:
        """The caller. Raises TokenMissing on a public method, where nobody looks at a token."""
        if self._principal is None:
            raise TokenMissing("this call needs a token")
        return self._principal

    @property
    def caller(self) -> Principal | None:
        """The caller; None on a public method."""
        return self._principal

    @property
    def authorization(self) -> str:
        """The header that holds the caller's token; empty where it sent none."""
        return self.metadata.get("authorization", "")

    @property
    def forward(self) -> tuple[tuple[str, str], ...]:
        """Metadata with which to call another service on the caller's behalf."""
        return (("authorization", self.authorization),)

    @property
    def traceparent(self) -> str:
        """The W3C traceparent of this call, for whatever carries its trace on."""
        return current_traceparent()

    def remaining(self) -> float | None:
        """Seconds to the caller's deadline; None where it set none."""
        remaining: float | None = self._context.time_remaining()
        return remaining

    def write(self, response: object) -> Awaitable[None]:
        """Sends one answer of a stream. For the pipeline: a handler yields its answers."""
        written: Awaitable[None] = self._context.write(response)
        return written
