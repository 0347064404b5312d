"""Values of Python and the payloads that carry them."""

import json
from typing import Any

from rookery.orchestrator.v1 import payload_pb2

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
MAX_BYTES = 1024 * 1024


class PayloadInvalid(ValueError):
    """A value cannot be put into a payload, or a payload does not hold what its content type says."""


def encode(value: object) -> payload_pb2.Payload | None:
    """A payload that holds a value: bytes as they are, str as text, everything else as JSON; None is no payload.

    A Payload is passed through, for other content types. Raises PayloadInvalid for what JSON or UTF-8 cannot say, and
    for more than 1 MiB.
    """
    if value is None:
        return None
    if isinstance(value, payload_pb2.Payload):
        return _bounded(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _bounded(payload_pb2.Payload(content_type=BYTES, data=bytes(value)))
    if isinstance(value, str):
        return _bounded(payload_pb2.Payload(content_type=TEXT, data=_to_utf8(value)))
    return _bounded(payload_pb2.Payload(content_type=JSON, data=to_json(value)))


def decode(payload: payload_pb2.Payload) -> Any:  # noqa: ANN401 -- the reader knows what to expect
    """What a payload holds: JSON as its value, text as str, anything else as bytes, an empty payload as None.

    Raises PayloadInvalid when the bytes are not what the content type says.
    """
    if not payload.content_type and not payload.data:
        return None
    media_type = payload.content_type.partition(";")[0].strip().lower()
    try:
        if media_type == JSON or media_type.endswith("+json"):
            return json.loads(payload.data)
        if media_type.startswith("text/"):
            return payload.data.decode()
    except ValueError as error:
        raise PayloadInvalid(f"the payload is not valid {media_type}: {error}") from None
    return payload.data


def to_json(value: object, *, sort_keys: bool = False) -> bytes:
    """Compact JSON in UTF-8. Raises PayloadInvalid for what JSON cannot say, such as NaN or a date."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=sort_keys, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadInvalid(f"the value cannot be written as JSON: {error}") from None


def _to_utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise PayloadInvalid(f"the payload is text that cannot be sent: {error}") from None


def _bounded(payload: payload_pb2.Payload) -> payload_pb2.Payload:
    if len(payload.data) > MAX_BYTES:
        raise PayloadInvalid(f"the value takes {len(payload.data):,} bytes; a payload holds at most {MAX_BYTES:,}")
    return payload
