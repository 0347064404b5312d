"""What stands for gRPC's context in a call that came over NATS."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NoReturn

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2

_STATUS_DETAILS = "grpc-status-details-bin"
Metadata = Sequence[tuple[str, str | bytes]]


class CallRefused(Exception):
    """The call ended with a status other than OK."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.status = status


class NatsCallContext:
    """Implements of gRPC's context what the pipeline asks for. `write` sends one answer of a stream."""

    def __init__(
        self,
        metadata: Mapping[str, str],
        timeout: float | None,
        write: "Callable[[Message], Awaitable[None]] | None" = None,
    ) -> None:
        self._metadata = tuple(metadata.items())
        self._give_up = None if timeout is None else time.monotonic() + timeout
        self._write = write
        self.trailing: Metadata = ()

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        """What the caller sent along."""
        return self._metadata

    def time_remaining(self) -> float | None:
        """Seconds to the caller's deadline; None where it set none."""
        return None if self._give_up is None else max(0.0, self._give_up - time.monotonic())

    def set_trailing_metadata(self, metadata: Metadata) -> None:
        """What goes along with the answer."""
        self.trailing = metadata

    async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: Metadata = ()) -> NoReturn:
        """Ends the call. Raises CallRefused."""
        for name, value in trailing_metadata:
            if name == _STATUS_DETAILS and isinstance(value, bytes):
                raise CallRefused(status_pb2.Status.FromString(value))
        raise CallRefused(status_pb2.Status(code=code.value[0], message=details))

    async def write(self, response: Message) -> None:
        """Sends one answer of a stream."""
        assert self._write is not None, "only a stream answers more than once"
        await self._write(response)
