"""Sending many: what is refused and may pass is sent again, under its id."""

from collections.abc import AsyncIterator, Callable, Sequence
from uuid import uuid4

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from rookery.orchestrator.v1 import message_service_pb2, payload_pb2
from rookery_sdk import Outgoing, PermissionDenied, Unauthenticated, Unavailable
from rookery_sdk.bulk import send_many
from rookery_sdk.errors import Detail, RookeryError
from rookery_sdk.tokens import AccessToken

Request = message_service_pb2.SendMessageRequest


def refused(reason: str, *, passes: bool) -> status_pb2.Status:
    status = status_pb2.Status(code=8, message=reason.lower())
    details = [error_details_pb2.ErrorInfo(reason=reason)]
    packed = [AnyMessage() for _ in details]
    for each, detail in zip(packed, details, strict=True):
        each.Pack(detail)
    if passes:
        retry = AnyMessage()
        retry.Pack(error_details_pb2.RetryInfo(retry_delay=Duration(nanos=1)))
        packed.append(retry)
    status.details.extend(packed)
    return status


class Service:
    """Answers streams as it is told, one after another; what it accepts is noted."""

    def __init__(self, *answers: Callable[[int, Request], status_pb2.Status | None]) -> None:
        self._answers = list(answers)
        self.frames: list[int] = []
        self.accepted: list[str] = []
        self.authorizations: list[str] = []
        self.lost_after: int | None = None
        self.failure: RookeryError = Unavailable("lost")

    async def SendMessages(  # noqa: N802 -- the method's name
        self, frames: AsyncIterator[message_service_pb2.SendMessagesRequest], metadata: Sequence[tuple[str, str]]
    ) -> AsyncIterator[message_service_pb2.SendMessagesResponse]:
        self.authorizations += [value for key, value in metadata if key == "authorization"]
        answer, number = self._answers.pop(0), 0
        async for frame in frames:
            if self.lost_after is not None and len(self.frames) == self.lost_after:
                self.lost_after = None
                raise self.failure
            self.frames.append(len(frame.messages))
            results = []
            for request in frame.messages:
                error = answer(number, request)
                number += 1
                if error is None:
                    self.accepted.append(request.message_id)
                results.append(message_service_pb2.SendResult(message_id=request.message_id, error=error))
            yield message_service_pb2.SendMessagesResponse(results=results)


class Tokens:
    """Gives one token, and another when that is refused."""

    async def current(self) -> AccessToken:
        return AccessToken("first", 600.0, "user:admin")

    async def replaced(self, refused: AccessToken) -> AccessToken:
        assert refused.value == "first"
        return AccessToken("second", 600.0, "user:admin")


def requests(count: int, size: int = 1) -> list[Request]:
    payload = payload_pb2.Payload(content_type="text/plain", data=b"x" * size)
    return [Request(message_id=str(uuid4()), recipient_name="clerk", payload=payload) for _ in range(count)]


def accept(_number: int, _request: Request) -> None:
    return None


async def sent(service: Service, several: Sequence[Request], patience: float = 5.0) -> list[str]:
    """The reasons, in order; empty: accepted."""
    outcomes = await send_many(service, Tokens(), several, patience=patience)  # type: ignore[arg-type]
    assert [outcome.message_id for outcome in outcomes] == [request.message_id for request in several]
    return [outcome.error.reason if outcome.error else "" for outcome in outcomes]


async def test_messages_travel_in_frames_and_keep_their_order() -> None:
    service, several = Service(accept), requests(600)
    assert await sent(service, several) == [""] * 600
    assert service.frames == [250, 250, 100]
    assert service.accepted == [request.message_id for request in several]


async def test_a_frame_is_never_larger_than_a_server_takes() -> None:
    service = Service(accept)
    await sent(service, requests(5, size=1_000_000))
    assert service.frames == [2, 2, 1]


async def test_only_what_may_pass_is_sent_again() -> None:
    full, unknown = refused("MAILBOX_FULL", passes=True), refused("RECIPIENT_NOT_FOUND", passes=False)
    service = Service(lambda number, _: {1: full, 2: unknown}.get(number), accept)
    several = requests(4)
    assert await sent(service, several) == ["", "", "RECIPIENT_NOT_FOUND", ""]
    assert service.frames == [4, 1]


async def test_what_had_no_answer_when_the_stream_was_lost_is_sent_again_under_its_id() -> None:
    service, several = Service(accept, accept), requests(500)
    service.lost_after = 1
    assert await sent(service, several) == [""] * 500
    assert service.accepted == [request.message_id for request in several]


async def test_when_patience_ends_the_reasons_are_told() -> None:
    full = refused("MAILBOX_FULL", passes=True)
    assert await sent(Service(lambda _number, _request: full), requests(2), patience=0) == ["MAILBOX_FULL"] * 2


async def test_what_concerns_all_of_them_is_raised() -> None:
    service = Service(accept)
    service.lost_after, service.failure = 0, PermissionDenied("no", Detail("PERMISSION_MISSING"))
    with pytest.raises(PermissionDenied):
        await sent(service, requests(2))


async def test_a_token_that_is_refused_is_replaced_once() -> None:
    service = Service(accept, accept)
    service.lost_after, service.failure = 0, Unauthenticated("expired", Detail("TOKEN_EXPIRED"))
    assert await sent(service, requests(2)) == ["", ""]
    assert service.authorizations == ["Bearer first", "Bearer second"]


def test_a_message_names_its_id_where_it_has_one() -> None:
    assert Outgoing("clerk", message_id="m").request().message_id == "m"
