"""Text with the character NUL: valid in protobuf, and Postgres stores none, so requests with it are refused."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


def nul_paths(message: Message) -> Iterator[str]:
    """The paths of the string fields, also of those in nested messages, that hold a NUL."""
    for field, value in message.ListFields():
        for path, element, kind in _elements(field, value):
            if kind.type == FieldDescriptor.TYPE_STRING:
                if "\0" in element:
                    yield path
            elif kind.type == FieldDescriptor.TYPE_MESSAGE:
                yield from (f"{path}.{inner}" for inner in nul_paths(element))


def _elements(field: FieldDescriptor, value: Any) -> Iterator[tuple[str, Any, FieldDescriptor]]:  # noqa: ANN401 -- of any field
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        kinds = field.message_type.fields_by_name
        for key, element in value.items():
            path = f"{field.name}[{key!r}]"
            yield path, key, kinds["key"]
            yield path, element, kinds["value"]
    elif field.is_repeated:
        for index, element in enumerate(value):
            yield f"{field.name}[{index}]", element, field
    else:
        yield field.name, value, field
