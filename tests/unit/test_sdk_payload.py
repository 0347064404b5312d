from datetime import UTC, datetime

import pytest
from rookery.orchestrator.v1 import payload_pb2
from rookery_sdk import PayloadInvalid, decode, encode
from rookery_sdk.payload import to_json


@pytest.mark.parametrize(
    "value", [{"a": [1, 2.5, None, True]}, [], 0, False, "héllo", "", b"\x00\xff", b"", {"ключ": "значение"}]
)
def test_a_value_comes_back_as_it_went(value: object) -> None:
    payload = encode(value)
    assert payload is not None
    assert decode(payload) == value


def test_nothing_is_no_payload() -> None:
    assert encode(None) is None
    assert decode(payload_pb2.Payload()) is None


def test_content_types_say_what_the_bytes_are() -> None:
    values: list[object] = [{}, "x", b"x"]
    types = [payload.content_type for value in values if (payload := encode(value)) is not None]
    assert types == ["application/json", "text/plain; charset=utf-8", "application/octet-stream"]


def test_a_payload_of_another_type_is_passed_through_and_read_as_bytes() -> None:
    image = payload_pb2.Payload(content_type="image/png", data=b"\x89PNG")
    assert encode(image) is image
    assert decode(image) == b"\x89PNG"


def test_json_of_a_special_kind_is_json() -> None:
    assert decode(payload_pb2.Payload(content_type="Application/Problem+JSON; v=1", data=b'{"a":1}')) == {"a": 1}


@pytest.mark.parametrize("value", [{"at": datetime.now(UTC)}, float("nan"), {1, 2}, {"a": b"bytes"}])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(PayloadInvalid, match="JSON"):
        encode(value)


@pytest.mark.parametrize("value", ["\ud800", {"a": "\udfff"}])
def test_half_of_a_pair_of_surrogates_is_refused(value: object) -> None:
    with pytest.raises(PayloadInvalid, match="surrogates not allowed"):
        encode(value)


def test_a_value_that_contains_itself_is_refused() -> None:
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(PayloadInvalid):
        encode(circle)


@pytest.mark.parametrize("value", ["x" * 1024 * 1024 + "x", b"x" * (1024 * 1024 + 1)])
def test_more_than_a_mebibyte_is_refused(value: object) -> None:
    with pytest.raises(PayloadInvalid, match=r"1,048,57[67]"):
        encode(value)


@pytest.mark.parametrize(("content_type", "data"), [("application/json", b"{"), ("text/plain", b"\xff")])
def test_bytes_that_are_not_what_they_say_are_refused(content_type: str, data: bytes) -> None:
    with pytest.raises(PayloadInvalid, match=content_type):
        decode(payload_pb2.Payload(content_type=content_type, data=data))


def test_equal_arguments_make_equal_json_whatever_their_order() -> None:
    one = to_json({"b": {"d": 1, "c": 2}, "a": 0}, sort_keys=True)
    assert one == to_json({"a": 0, "b": {"c": 2, "d": 1}}, sort_keys=True)
