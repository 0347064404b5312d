import pytest
from google.protobuf.message import Message
from protovalidate import Validator
from rookery.registry.v1 import agent_service_pb2, mcp_server_pb2, mcp_server_service_pb2
from rookery_kit.errors import InvalidArgument
from rookery_kit.rpc.nul_text import nul_paths
from rookery_kit.rpc.validation import RequestReader

AGENT = agent_service_pb2.RegisterAgentRequest
SERVER = mcp_server_service_pb2.RegisterMcpServerRequest
STDIO = mcp_server_pb2.StdioTransport


@pytest.mark.parametrize(
    ("message", "paths"),
    [
        (AGENT(name="scribe", description="plain", capabilities=["a"], labels={"a": "b"}), []),
        (AGENT(name="a\0"), ["name"]),
        (AGENT(name="\0", capabilities=["a", "\0"]), ["name", "capabilities[1]"]),
        (AGENT(labels={"a": "b\0c"}), ["labels['a']"]),
        (AGENT(labels={"\0": "b"}), ["labels['\\x00']"]),
        (SERVER(stdio=STDIO(args=["\0", "a"], env={"A": "\0"})), ["stdio.args[0]", "stdio.env['A']"]),
    ],
)
def test_every_text_with_a_nul_is_named_by_its_path(message: Message, paths: list[str]) -> None:
    assert list(nul_paths(message)) == paths


def test_a_request_with_a_nul_in_a_text_is_refused_as_invalid() -> None:
    read = RequestReader(AGENT, max_bytes=1000, validator=Validator())
    with pytest.raises(InvalidArgument) as caught:
        read(AGENT(name="a\0").SerializeToString())
    assert caught.value.violations == (("name", "must not contain the character NUL"),)


def test_a_zero_byte_that_is_no_text_is_none_of_its_business() -> None:
    request = AGENT(name="scribe")
    encoded = request.SerializeToString() + b"\x80\x7d\x00"
    assert b"\0" in encoded
    assert isinstance(RequestReader(AGENT, max_bytes=1000, validator=Validator())(encoded), AGENT)
