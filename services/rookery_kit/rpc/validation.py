"""Requests are checked by the rules in the proto before a handler sees them."""

from google.protobuf.message import DecodeError, Message
from protovalidate import Validator, Violation

from rookery_kit.errors import InvalidArgument, ResourceExhausted
from rookery_kit.rpc.nul_text import nul_paths


class MessageTooLarge(ResourceExhausted):
    """The message is larger than the service accepts."""

    reason = "MESSAGE_TOO_LARGE"


class Undecodable:
    """Stands for a request that could not be decoded, so that it is answered like every other wrong request."""

    __slots__ = ("error",)

    def __init__(self, error: InvalidArgument | MessageTooLarge) -> None:
        self.error = error


class Decoder:
    """Decodes a request, bounded in size. A fault is handed on as Undecodable instead of raised: gRPC would mask it."""

    def __init__(self, message_class: type[Message], max_bytes: int) -> None:
        self._parse = message_class.FromString
        self._max_bytes = max_bytes

    def __call__(self, data: bytes) -> Message | Undecodable:
        """The message in `data`, or why there is none."""
        if len(data) > self._max_bytes:
            text = f"the message has {len(data)} bytes; at most {self._max_bytes} are accepted"
            return Undecodable(MessageTooLarge(text, max_bytes=str(self._max_bytes)))
        try:
            message = self._parse(data)
        except DecodeError:
            return Undecodable(InvalidArgument("the request is not a valid protobuf message"))
        # Hardly any request has a zero byte at all, so hardly any is walked through.
        if b"\0" in data and (paths := tuple(dict.fromkeys(nul_paths(message)))):
            violations = tuple((path, "must not contain the character NUL") for path in paths)
            return Undecodable(InvalidArgument(f"{', '.join(paths)}: must not contain the character NUL", violations))
        return message


class RequestValidator:
    """Applies the protovalidate rules of a message."""

    def __init__(self) -> None:
        self._validator = Validator()

    def check(self, request: Message | Undecodable) -> Message:
        """The request. Raises InvalidArgument naming every broken field, or what made the request undecodable."""
        if isinstance(request, Undecodable):
            raise request.error
        violations = self._validator.collect_violations(request)
        if violations:
            described = tuple((_path(violation), violation.proto.message) for violation in violations)
            raise InvalidArgument("; ".join(f"{path or 'request'}: {text}" for path, text in described), described)
        return request


def _path(violation: Violation) -> str:
    parts: list[str] = []
    for element in violation.proto.field.elements if violation.proto.field else ():
        subscript = element.subscript
        key = "" if subscript is None else f"[{subscript.value!r}]"
        parts.append(f"{element.field_name}{key}")
    return ".".join(parts)
