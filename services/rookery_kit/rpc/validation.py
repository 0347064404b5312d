"""Requests are read, and checked by the rules in the proto, before a handler sees them."""

from typing import Any, cast

from google.protobuf.message import DecodeError, Message
from protovalidate import Validator, Violation

from rookery_kit.errors import InvalidArgument, ResourceExhausted
from rookery_kit.rpc.nul_text import nul_paths
from rookery_kit.rpc.pattern_words import PATTERN_WORDS


class MessageTooLarge(ResourceExhausted):
    """The message is larger than the service accepts."""

    reason = "MESSAGE_TOO_LARGE"


class RequestReader:
    """Reads the requests of one method, bounded in size.

    The pipeline calls it, not gRPC, which would mask what it raises. Readers share a validator, because that keeps
    what it has made of the rules. A request_id is read in lower case, as RFC 9562 has a UUID compared and written.
    """

    def __init__(self, message_class: type[Message], max_bytes: int, validator: Validator) -> None:
        self._parse = message_class.FromString
        self._max_bytes = max_bytes
        self._violations = validator.collect_violations
        self._identified = "request_id" in message_class.DESCRIPTOR.fields_by_name

    def __call__(self, data: bytes) -> Message:
        """The message in `data`. Raises MessageTooLarge, or InvalidArgument naming every broken field."""
        if len(data) > self._max_bytes:
            text = f"the message has {len(data)} bytes; at most {self._max_bytes} are accepted"
            raise MessageTooLarge(text, max_bytes=str(self._max_bytes))
        try:
            message = self._parse(data)
        except DecodeError:
            raise InvalidArgument("the request is not a valid protobuf message") from None
        # Hardly any request has a zero byte at all, so hardly any is walked through.
        if b"\0" in data and (paths := tuple(dict.fromkeys(nul_paths(message)))):
            nul = tuple((path, "must not contain the character NUL") for path in paths)
            raise InvalidArgument(f"{', '.join(paths)}: must not contain the character NUL", nul)
        if violations := self._violations(message):
            described = tuple((_path(violation), _said(violation)) for violation in violations)
            raise InvalidArgument("; ".join(f"{path or 'request'}: {text}" for path, text in described), described)
        return _one_spelling(message) if self._identified else message


def _one_spelling(request: Any) -> Message:  # noqa: ANN401 -- any message with a request_id
    """The request with its request_id as every repetition of it is spelled."""
    spelled = request.request_id.lower()
    if spelled != request.request_id:
        request.request_id = spelled
    return cast("Message", request)


def _said(violation: Violation) -> str:
    told: str = violation.proto.message
    return PATTERN_WORDS.get(violation.rule_value, told) if violation.proto.rule_id == "string.pattern" else told


def _path(violation: Violation) -> str:
    parts: list[str] = []
    for element in violation.proto.field.elements if violation.proto.field else ():
        subscript = element.subscript
        key = "" if subscript is None else f"[{subscript.value!r}]"
        parts.append(f"{element.field_name}{key}")
    return ".".join(parts)
