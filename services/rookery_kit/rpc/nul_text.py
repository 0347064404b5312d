"""Text with the character NUL: valid in protobuf, and Postgres stores none, so requests with it are refused."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_TEXT, _MESSAGE = FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE


def nul_paths(message: Message) -> Iterable[str]:
    """The paths of the string fields, also of those in nested messages, that hold a NUL."""
    return _paths(message) if _holds_nul(message) else ()


def _holds_nul(message: Any) -> bool:  # noqa: ANN401 -- its attributes are those of its type
    """Whether there is any path to name; a batch has thousands of texts, and hardly ever one."""
    fields = _fields(message.__class__)
    if fields.texts and "\0" in "".join(fields.read_texts(message)):
        return True
    for name in fields.messages:
        if message.HasField(name) and _holds_nul(getattr(message, name)):
            return True
    for name in fields.repeated_texts:
        if "\0" in "".join(getattr(message, name)):
            return True
    for name in fields.repeated_messages:
        if any(map(_holds_nul, getattr(message, name))):
            return True
    return any(
        any(_within(name, part)) for name in fields.maps for pair in getattr(message, name).items() for part in pair
    )


def _paths(message: Any) -> Iterator[str]:  # noqa: ANN401 -- as above
    fields = _fields(message.__class__)
    for name in fields.texts:
        yield from _within(name, getattr(message, name))
    for name in fields.messages:
        if message.HasField(name):
            yield from _within(name, getattr(message, name))
    for name in (*fields.repeated_texts, *fields.repeated_messages):
        for index, element in enumerate(getattr(message, name)):
            yield from _within(f"{name}[{index}]", element)
    for name in fields.maps:
        for key, value in getattr(message, name).items():
            yield from _within(f"{name}[{key!r}]", key)
            yield from _within(f"{name}[{key!r}]", value)


def _within(path: str, value: object) -> Iterator[str]:
    if isinstance(value, str):
        if "\0" in value:
            yield path
    elif isinstance(value, Message):
        yield from (f"{path}.{inner}" for inner in _paths(value))


class _Fields(NamedTuple):
    """The names of the fields of a message that can hold text, by their shape, and what reads all single texts."""

    texts: tuple[str, ...]
    read_texts: Callable[[Any], Iterable[str]]
    messages: tuple[str, ...]
    repeated_texts: tuple[str, ...]
    repeated_messages: tuple[str, ...]
    maps: tuple[str, ...]


@cache
def _fields(message_class: Any) -> _Fields:  # noqa: ANN401 -- the metaclass of generated classes hides that they are hashable
    holding = [field for field in message_class.DESCRIPTOR.fields if field.type in {_TEXT, _MESSAGE}]
    maps = [field for field in holding if field.message_type and field.message_type.GetOptions().map_entry]
    repeated = [field for field in holding if field.is_repeated and field not in maps]
    single = [field for field in holding if not field.is_repeated]
    texts = _names(single, _TEXT)
    return _Fields(
        texts=texts,
        # Of a single name it reads the bare text, which joins as its characters do.
        read_texts=attrgetter(*texts) if texts else tuple,
        messages=_names(single, _MESSAGE),
        repeated_texts=_names(repeated, _TEXT),
        repeated_messages=_names(repeated, _MESSAGE),
        maps=_names(maps, _MESSAGE),
    )


def _names(fields: Iterable[FieldDescriptor], kind: int) -> tuple[str, ...]:
    return tuple(field.name for field in fields if field.type == kind)
