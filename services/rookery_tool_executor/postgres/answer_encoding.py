"""Answers as they are kept: JSON in bytes, because text in Postgres cannot hold every character of JSON."""

import base64
import json
from collections.abc import Iterable
from typing import Any

from rookery_tool_executor.model import Blob, Content, ResourceReference, Text


def encode_content(content: Iterable[Content]) -> bytes:
    """The pieces of an answer."""
    return json.dumps([_encode(piece) for piece in content], separators=(",", ":")).encode()


def decode_content(data: bytes) -> tuple[Content, ...]:
    """The reverse of `encode_content`."""
    return tuple(_decode(piece) for piece in json.loads(data))


def _encode(piece: Content) -> dict[str, str]:
    match piece:
        case Text(text):
            return {"text": text}
        case Blob(content_type, data):
            return {"type": content_type, "data": base64.b64encode(data).decode()}
        case ResourceReference(uri):
            return {"uri": uri}


def _decode(piece: dict[str, Any]) -> Content:
    if "text" in piece:
        return Text(piece["text"])
    if "uri" in piece:
        return ResourceReference(piece["uri"])
    return Blob(piece["type"], base64.b64decode(piece["data"]))
