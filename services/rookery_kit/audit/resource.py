"""What an audited method acts upon, as its option in the proto says."""

import re
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

_PLACE = re.compile(r"\{([a-z][a-z0-9_.]*)\}")


class ResourceUnknown(Exception):
    """A template names a field that neither request nor answer has."""


class AuditedResource:
    """A template such as `agents/{agent.id}`, in which a field of the answer wins over one of the request.

    Raises ResourceUnknown at its construction for a field that is in neither.
    """

    def __init__(self, template: str, request_class: type[Message], answer_class: type[Message]) -> None:
        request: Any = request_class.DESCRIPTOR
        answer: Any = answer_class.DESCRIPTOR
        self._template = template
        for path in _PLACE.findall(template):
            if not (_has(answer, path.split(".")) or _has(request, path.split("."))):
                raise ResourceUnknown(f"{request.full_name}: the audited resource {template!r} names no field {path!r}")

    def name(self, request: Message, answer: Message | None = None) -> str:
        """The resource of a call; without an answer, as far as the request tells."""
        messages = [message for message in (answer, request) if message is not None]
        return _PLACE.sub(lambda match: _value(messages, match[1].split(".")), self._template)


def _has(descriptor: Any, path: list[str]) -> bool:  # noqa: ANN401 -- protobuf types it in two ways
    field = descriptor.fields_by_name.get(path[0])
    if field is None:
        return False
    return len(path) == 1 or (field.message_type is not None and _has(field.message_type, path[1:]))


def _value(messages: Iterable[Message], path: list[str]) -> str:
    for message in messages:
        value: object = message
        for name in path:
            value = getattr(value, name, None)
        if value is not None and value != "":
            return str(value)
    return ""
