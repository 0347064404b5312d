"""Text with the character NUL: valid in protobuf, and Postgres stores none, so requests with it are refused."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

_Read = Callable[[Any], Any]


def nul_paths(message: Message) -> Iterable[str]:
    """The paths of the string fields, also of those in nested messages, that hold a NUL."""
    return _paths(message) if _holds_nul(message) else ()


def _paths(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        for path, element in _elements(field, value):
            if isinstance(element, str):
                if "\0" in element:
                    yield path
            elif isinstance(element, Message):
                yield from (f"{path}.{inner}" for inner in _paths(element))


def _elements(field: FieldDescriptor, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 -- of any field
    if _is_map(field):
        for key, element in value.items():
            path = f"{field.name}[{key!r}]"
            yield path, key
            yield path, element
    elif field.is_repeated:
        for index, element in enumerate(value):
            yield f"{field.name}[{index}]", element
    else:
        yield field.name, value


def _holds_nul(message: Any) -> bool:  # noqa: ANN401 -- its attributes are those of its type
    """Whether there is any path to name. A batch has thousands of texts, so they are read many at a time."""
    return _any_holds_nul(_fields(message.DESCRIPTOR), (message,))


def _any_holds_nul(fields: "_Fields", messages: Sequence[Any]) -> bool:
    """The same of messages of one type."""
    if "\0" in "".join(chain.from_iterable(map(fields.texts, messages))):
        return True
    return any(
        any("\0" in "".join(read(message)) for read in fields.text_lists)
        or any(_any_holds_nul(_fields(inner), read(message)) for inner, read in fields.message_lists)
        or any(any(map(_is_or_holds_nul, pair)) for read in fields.maps for pair in read(message).items())
        for message in (messages if fields.several else ())
    )


def _is_or_holds_nul(value: object) -> bool:
    return "\0" in value if isinstance(value, str) else isinstance(value, Message) and _holds_nul(value)


class _Fields(NamedTuple):
    """What reads the fields of a message that can hold text; those of its single submessages are among them.

    `texts` reads all single ones. A submessage that is not set reads as one without any text.
    """

    texts: Callable[[Any], Iterable[str]]
    text_lists: tuple[_Read, ...]
    message_lists: tuple[tuple[Descriptor, _Read], ...]
    maps: tuple[_Read, ...]

    @property
    def several(self) -> bool:
        """Whether there are other than single ones."""
        return bool(self.text_lists or self.message_lists or self.maps)


@cache
def _fields(descriptor: Descriptor) -> _Fields:
    fields = list(_reachable(descriptor))
    texts = [name for name, field in fields if not field.is_repeated]
    lists = [(name, field) for name, field in fields if field.is_repeated and not _is_map(field)]
    return _Fields(
        texts=_reading(texts),
        text_lists=tuple(attrgetter(name) for name, field in lists if field.type == FieldDescriptor.TYPE_STRING),
        message_lists=tuple((field.message_type, attrgetter(name)) for name, field in lists if field.message_type),
        maps=tuple(attrgetter(name) for name, field in fields if _is_map(field)),
    )


def _reading(names: Sequence[str]) -> Callable[[Any], Iterable[str]]:
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda _: ()
    read: Callable[[Any], str] = attrgetter(names[0])
    return lambda message: (read(message),)


def _reachable(descriptor: Descriptor) -> Iterator[tuple[str, FieldDescriptor]]:
    """The dotted names of the fields that can hold text, down to and not into repeated ones.

    No message of the suite holds itself but in a repeated field.
    """
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_STRING or (field.is_repeated and field.message_type is not None):
            yield field.name, field
        elif field.message_type is not None:
            yield from ((f"{field.name}.{name}", inner) for name, inner in _reachable(field.message_type))


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type is not None and field.message_type.GetOptions().map_entry)
