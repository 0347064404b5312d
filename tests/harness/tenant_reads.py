"""Every method that reads, what its requests can name, and what a tenant has that they could name."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf import descriptor_pool, json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from rookery_kit.contract import DeclaredMethod, declared_methods

from harness.suite import Suite
from harness.tenants import Bearer

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_READS = (":read", ":subscribe", ":introspect")
# Numbers, reasons and the names of methods are the same in every tenant.
_SHARED = re.compile(r"-?[\d.]+s?|[A-Z][A-Z_]+|rookery\.[\w./]+")


@dataclass(frozen=True)
class Read:
    """A method that reads."""

    declared: DeclaredMethod
    descriptor: MethodDescriptor

    @property
    def name(self) -> str:
        """Such as `ListAgents`."""
        return self.declared.name

    def request(self) -> Message:
        """An empty request."""
        return GetMessageClass(self.descriptor.input_type)()


@dataclass(frozen=True)
class Answer:
    """What a call came to; `values` are the texts in the answers, `page_token` where the next page begins."""

    code: grpc.StatusCode
    details: str
    values: tuple[str, ...]
    page_token: str


def reads() -> Iterator[Read]:
    """Every method that reads, streams of answers included."""
    for declared in declared_methods():
        descriptor = descriptor_pool.Default().FindServiceByName(declared.service).FindMethodByName(declared.name)
        if declared.permission.endswith(_READS) and not descriptor.client_streaming:
            yield Read(declared, descriptor)


def fields_of_text(message: Descriptor, prefix: str = "", above: frozenset[str] = frozenset()) -> Iterator[str]:
    """The paths of all fields that hold text, or a map; numbers, times and enums name nothing."""
    for field in message.fields:
        nested = field.message_type
        is_map = nested is not None and nested.GetOptions().map_entry
        if field.type in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES} or is_map:
            yield prefix + field.name
        elif nested is not None and nested.full_name not in above and nested.file.package != "google.protobuf":
            yield from fields_of_text(nested, f"{prefix}{field.name}.", above | {nested.full_name})


def fill(request: Message, path: str, value: str | int) -> None:
    """Sets a field of a request to a value; in a map it is `key=value`."""
    *parents, name = path.split(".")
    holder: Any = request
    for parent in parents:
        holder = getattr(holder, parent)
    field = holder.DESCRIPTOR.fields_by_name[name]
    if field.message_type is not None:
        key, _, text = str(value).partition("=")
        getattr(holder, name)[key] = text
    elif field.is_repeated:
        getattr(holder, name).append(value)
    else:
        setattr(holder, name, str(value).encode() if field.type == FieldDescriptor.TYPE_BYTES else value)


def made_up(value: str) -> str:
    """A value of the same shape that nobody has."""
    if UUID.search(value):
        return UUID.sub(lambda _: str(uuid4()), value)
    return re.sub(r"\w+(?=\W*$)", "nowhere", value)


async def ask(suite: Suite, read: Read, request: Message, metadata: Bearer, *, first: bool = False) -> Answer:
    """What a call comes to; of a stream what comes until the `first` answer that tells something, or for a second."""
    channel: Any = suite.channel(read.declared.service.split(".")[1])
    path, payload = f"/{read.declared.full_name}", request.SerializeToString()
    decode = GetMessageClass(read.descriptor.output_type).FromString
    messages: list[Message] = []
    code, details = grpc.StatusCode.OK, ""
    try:
        if read.descriptor.server_streaming:
            async for answer in channel.unary_stream(path)(payload, metadata=metadata, timeout=10 if first else 1):
                messages.append(decode(answer))
                if first and texts(messages[-1]):
                    break
        else:
            messages.append(decode(await channel.unary_unary(path)(payload, metadata=metadata, timeout=30)))
    except grpc.aio.AioRpcError as error:
        # A stream that is open until the second is over has not been refused.
        if not (read.descriptor.server_streaming and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED):
            code, details = error.code(), error.details() or ""
    page_token = getattr(messages[0], "next_page_token", "") if messages else ""
    return Answer(code, details, tuple(value for each in messages for value in texts(each)), page_token)


def texts(message: Message) -> list[str]:
    """Every text in a message, those in maps and lists included, but for words of the contract."""
    found: list[str] = []
    pending: list[Any] = [json.loads(json_format.MessageToJson(message))]
    while pending:
        value = pending.pop()
        if isinstance(value, dict | list):
            pending.extend(value.values() if isinstance(value, dict) else value)
        elif isinstance(value, str) and not _SHARED.fullmatch(value):
            found.append(value)
    return sorted(found)


def named(message: Any, path: str) -> Iterator[str]:
    """Every value at a path of an answer, through lists; what is in a map as `key=value`."""
    name, _, rest = path.partition(".")
    value = getattr(message, name)
    if hasattr(value, "items"):
        yield from (f"{key}={text}" for key, text in value.items())
        return
    for each in [value] if isinstance(value, str | Message) else value:
        if rest:
            yield from named(each, rest)
        elif each:
            yield str(each)
