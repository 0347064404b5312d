"""The echo itself, the same for both servers, and how it is added to one."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import grpc

from bench.rpc.contract import SERVICE, message_class

PAYLOAD_BYTES = 512
MESSAGES_A_FRAME = 64


class Echo:
    """Answers what it is sent."""

    def __init__(self) -> None:
        self._response = message_class("EchoResponse")
        self._stream_response = message_class("EchoStreamResponse")

    async def echo(self, request: Any, _context: object) -> Any:  # noqa: ANN401 -- the classes are made at run time
        """One message back."""
        return self._response(payload=request.payload)

    async def echo_stream(self, requests: AsyncIterator[Any], _context: object) -> AsyncIterator[Any]:
        """A frame back for each frame."""
        async for request in requests:
            yield self._stream_response(messages=[self._response(payload=each.payload) for each in request.messages])


def add_echo(servicer: Echo, server: Any) -> None:  # noqa: ANN401 -- a server, or what stands for one
    """What a generated `add_..._to_server` would do."""
    handlers = {
        "Echo": grpc.unary_unary_rpc_method_handler(
            servicer.echo, message_class("EchoRequest").FromString, message_class("EchoResponse").SerializeToString
        ),
        "EchoStream": grpc.stream_stream_rpc_method_handler(
            servicer.echo_stream,
            message_class("EchoStreamRequest").FromString,
            message_class("EchoStreamResponse").SerializeToString,
        ),
    }
    server.add_registered_method_handlers(SERVICE, handlers)


def one_message() -> Any:  # noqa: ANN401 -- as above
    """A request with a payload of 512 bytes."""
    return message_class("EchoRequest")(message_id=str(uuid.uuid4()), payload=b"x" * PAYLOAD_BYTES)


def one_frame() -> Any:  # noqa: ANN401 -- as above
    """A frame of 64 such messages."""
    return message_class("EchoStreamRequest")(messages=[one_message() for _ in range(MESSAGES_A_FRAME)])
