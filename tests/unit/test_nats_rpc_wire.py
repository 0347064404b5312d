"""Requests that come over NATS: what is in JSON, and in headers."""

import base64
import json

import pytest
from rookery.orchestrator.v1 import message_service_pb2
from rookery_kit.errors import InvalidArgument
from rookery_kit.nats_rpc.wire import CONTENT_TYPE, JSON, PROTOBUF, TIMEOUT_MS, Codec, codec_of, timeout_of

AGENT_ID = "0198f1de-7c1b-7a52-8d43-7f0a4a3b9a11"


def read(document: object) -> message_service_pb2.SendMessagesRequest:
    data = Codec(JSON).request(json.dumps(document).encode(), message_service_pb2.SendMessagesRequest)
    return message_service_pb2.SendMessagesRequest.FromString(data)


def batch(*contents: str, payload: str = "payload") -> dict[str, object]:
    return {"messages": [{"recipientAgentId": AGENT_ID, payload: {"data": content}} for content in contents]}


@pytest.mark.parametrize(
    "encoded", [base64.b64encode(b"\xfb\xff?").decode(), base64.urlsafe_b64encode(b"\xfb\xff?").decode(), "+/8/"]
)
def test_bytes_are_read_in_either_alphabet(encoded: str) -> None:
    (message,) = read(batch(encoded)).messages
    assert message.payload.data == b"\xfb\xff?"


@pytest.mark.parametrize("wrong", ["!!!", "a b c d", "aGk=\n", "====", "ä"])
def test_bytes_that_are_no_base64_are_refused_by_their_path(wrong: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read(batch("aGk=", wrong))
    if caught.value.violations:
        assert caught.value.violations == (("messages[1].payload.data", "is not base64"),)


def test_an_empty_payload_is_one() -> None:
    assert [message.payload.data for message in read(batch("", "aGk=")).messages] == [b"", b"hi"]


def test_times_and_other_well_known_types_are_read_as_before() -> None:
    document = {"messages": [{"recipient_agent_id": AGENT_ID, "timeToLive": "3s"}]}
    assert read(document).messages[0].time_to_live.seconds == 3


def test_an_encoding_is_the_one_that_is_named_or_protobuf() -> None:
    assert codec_of({}) == codec_of({CONTENT_TYPE: ""}) == codec_of({CONTENT_TYPE: PROTOBUF}) == Codec(PROTOBUF)
    assert codec_of({CONTENT_TYPE: "Application/JSON; charset=utf-8"}) == Codec(JSON)
    for other in ("text/json", "application/x-protobuf", "json", "nonsense"):
        with pytest.raises(InvalidArgument, match="content-type must be application/protobuf or application/json"):
            codec_of({CONTENT_TYPE: other})


def test_how_long_a_caller_waits_is_told_in_milliseconds() -> None:
    assert timeout_of({TIMEOUT_MS: "1500"}) == 1.5
    assert timeout_of({}) is None
    for wrong in ("abc", "-1", "1.5", "9" * 30):
        with pytest.raises(InvalidArgument, match="timeout-ms must be a whole number"):
            timeout_of({TIMEOUT_MS: wrong})
