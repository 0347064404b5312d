"""What a task or a message is to carry, as given on the command line."""

import json
import mimetypes
import sys
from pathlib import Path

from rookery.orchestrator.v1 import payload_pb2
from rookery_sdk import encode

from rookery_cli.refusal import Misused

_UNKNOWN = "application/octet-stream"


def read_content(*, text: str | None, data: str | None, file: str | None) -> payload_pb2.Payload | None:
    """The payload given in one of three ways; None when in none. Raises Misused."""
    if sum(each is not None for each in (text, data, file)) > 1:
        raise Misused("give the content once: as text, as --data or as --file")
    try:
        if data is not None:
            return encode(parse_json(data, "--data"))
        if file is not None:
            return encode(_from_file(file))
        return encode(text)
    except ValueError as error:
        raise Misused(str(error)) from None


def needed_content(*, text: str | None, data: str | None, file: str | None) -> payload_pb2.Payload | None:
    """As `read_content`, for what is empty only when that is asked for. Raises Misused."""
    if text is None and data is None and file is None:
        raise Misused("there is no content", "give it as text, as --data or as --file; '' sends an empty text")
    return read_content(text=text, data=data, file=file)


def parse_json(text: str, option: str) -> object:
    """A JSON value. Raises Misused, naming the place of the fault."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise Misused(f"{option} is not valid JSON: {error}", 'quote it for the shell: \'{"key": "value"}\'') from None


def _from_file(name: str) -> payload_pb2.Payload:
    if name == "-":
        return payload_pb2.Payload(content_type=_UNKNOWN, data=sys.stdin.buffer.read())
    try:
        content = Path(name).read_bytes()
    except OSError as error:
        raise Misused(f"{name} cannot be read: {error.strerror}") from None
    return payload_pb2.Payload(content_type=mimetypes.guess_type(name)[0] or _UNKNOWN, data=content)
