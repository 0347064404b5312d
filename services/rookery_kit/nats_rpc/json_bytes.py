"""Bytes in JSON: base64, of which protobuf's own parser passes over what is none and keeps what is left."""

import re
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

# With the alphabet of either kind, padded or not: ProtoJSON takes all of them.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")


def malformed_bytes(document: object, descriptor: Descriptor, path: str = "") -> Iterator[str]:
    """The paths of the bytes fields of a JSON document that are no base64. The document fits the descriptor."""
    if not isinstance(document, dict):
        # A well-known type that is written as a text or a number.
        return
    fields = {name: field for field in descriptor.fields for name in (field.name, field.json_name)}
    for name, value in document.items():
        field = fields.get(name)
        if field is None:
            continue
        for place, element in _elements(value, f"{path}{field.name}"):
            if field.type == FieldDescriptor.TYPE_BYTES:
                if isinstance(element, str) and not _BASE64.fullmatch(element):
                    yield place
            elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
                yield from malformed_bytes(element, field.message_type, f"{place}.")


def _elements(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, list):
        yield from ((f"{path}[{index}]", element) for index, element in enumerate(value))
    else:
        yield path, value
