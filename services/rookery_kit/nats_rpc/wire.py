"""Calls as they cross NATS: protobuf or JSON as the payload, everything else in headers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from rookery_kit.errors import InvalidArgument
from rookery_kit.nats_rpc.json_bytes import malformed_bytes

CONTENT_TYPE = "content-type"
JSON = "application/json"
PROTOBUF = "application/protobuf"
TIMEOUT_MS = "timeout-ms"
STATUS = "grpc-status"
STREAM = "stream"
FRAME = "frame"
PING = "ping"
PONG = "pong"
END = "end"
# Errors in JSON carry these as they are; the parser finds them once they are imported.
_DETAILS = error_details_pb2.DESCRIPTOR
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Codec:
    """One encoding. Answers come in that of the question."""

    content_type: str

    def request(self, data: bytes, message_class: type[Message]) -> bytes:
        """A request as protobuf, whatever it came as. Raises InvalidArgument for JSON that is none."""
        if self.content_type != JSON:
            return data
        try:
            request = json_format.Parse(data, message_class()).SerializeToString()
        except (json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidArgument(f"the request is not JSON of {message_class.DESCRIPTOR.full_name}: {error}") from None
        if paths := list(malformed_bytes(json.loads(data), cast("Descriptor", message_class.DESCRIPTOR))):
            said = "is not base64"
            raise InvalidArgument(f"{', '.join(paths)} {said}", tuple((path, said) for path in paths))
        return request

    def answer(self, message: Message) -> bytes:
        """An answer."""
        if self.content_type == JSON:
            return json_format.MessageToJson(message, indent=None).encode()
        return message.SerializeToString()

    def status(self, status: status_pb2.Status) -> bytes:
        """The status of a failure, with its details."""
        return self.answer(status)


def codec_of(headers: Mapping[str, str]) -> Codec:
    """The encoding that the headers name; protobuf where they name none. Raises InvalidArgument for any other."""
    named = headers.get(CONTENT_TYPE, "").partition(";")[0].strip().lower() or PROTOBUF
    if named not in (JSON, PROTOBUF):
        said = f"must be {PROTOBUF} or {JSON}"
        raise InvalidArgument(f"{CONTENT_TYPE} {said}", ((CONTENT_TYPE, said),))
    return Codec(named)


def number(headers: Mapping[str, str], name: str) -> int | None:
    """A header that is a count; None where there is none, or it is no number."""
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def timeout_of(headers: Mapping[str, str]) -> float | None:
    """How many seconds the caller waits; None where it does not say. Raises InvalidArgument for what is no number."""
    if not headers.get(TIMEOUT_MS):
        return None
    milliseconds = number(headers, TIMEOUT_MS)
    if milliseconds is None:
        said = "must be a whole number of milliseconds"
        raise InvalidArgument(f"{TIMEOUT_MS} {said}", ((TIMEOUT_MS, said),))
    return milliseconds / 1000
