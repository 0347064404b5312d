"""Turning what the SDK hands over into the service's own values."""

import base64
import binascii
import json
from collections.abc import Iterable

import mcp_types as types

from rookery_tool_executor.model import Blob, Content, ResourceReference, Text, Tool, ToolAnswer


def tool_of(server: str, offered: types.Tool) -> Tool:
    """A tool as its server describes it. A hint that is absent has the protocol's default."""
    hints = offered.annotations or types.ToolAnnotations()
    read_only = bool(hints.read_only_hint)
    return Tool(
        server=server,
        name=offered.name,
        title=offered.title or hints.title or "",
        description=offered.description or "",
        input_schema=_json(offered.input_schema),
        output_schema=b"" if offered.output_schema is None else _json(offered.output_schema),
        read_only=read_only,
        idempotent=bool(hints.idempotent_hint),
        destructive=not read_only and hints.destructive_hint is not False,
    )


def answer_of(result: types.CallToolResult) -> ToolAnswer:
    """A tool's answer. Raises ValueError when binary content is not base64."""
    structured = b"" if result.structured_content is None else _json(result.structured_content)
    return ToolAnswer(tuple(_contents(result.content)), structured, result.is_error)


def size_of(answer: ToolAnswer) -> int:
    """Bytes of an answer, without framing."""
    total = len(answer.structured)
    for content in answer.content:
        match content:
            case Text(text):
                total += len(text.encode("utf-8", "surrogatepass"))
            case Blob(_, data):
                total += len(data)
            case ResourceReference(uri):
                total += len(uri)
    return total


def _contents(blocks: Iterable[types.ContentBlock]) -> Iterable[Content]:
    for block in blocks:
        match block:
            case types.TextContent():
                yield Text(block.text)
            case types.ImageContent() | types.AudioContent():
                yield Blob(block.mime_type, _bytes(block.data))
            case types.ResourceLink():
                yield ResourceReference(str(block.uri))
            case types.EmbeddedResource(resource=types.TextResourceContents() as resource):
                yield Blob(resource.mime_type or "text/plain", resource.text.encode())
            case types.EmbeddedResource(resource=types.BlobResourceContents() as resource):
                yield Blob(resource.mime_type or "application/octet-stream", _bytes(resource.blob))


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("binary content is not base64") from error


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
