import asyncio
from typing import Any

import grpc
import pytest
from harness.auth_service import Auth, bearer
from harness.refusal import refusal
from rookery.auth.v1 import token_pb2, token_service_pb2

# A key of one request a second has a burst of one more, and a call by it may fall on either side of a second.
MOST = 4


async def refused_at_last(auth: Auth, **credential: Any) -> grpc.aio.AioRpcError:
    """What the first refusal is of exchanges made as fast as they go."""
    answers = await asyncio.gather(*(auth.issue(**credential) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(answer, token_pb2.TokenSet) for answer in answers) <= MOST
    return next(answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError))


@pytest.mark.capability("A7")
async def test_exchanges_of_a_key_count_against_its_rate(auth: Auth) -> None:
    key = await auth.api_key(subject="user:fast", requests_per_second=1)
    error = await refused_at_last(auth, api_key=key.secret)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    other = await auth.api_key(subject="user:other", requests_per_second=1)
    assert (await auth.issue(api_key=other.secret)).subject == "user:other"


@pytest.mark.capability("A7")
async def test_exchanges_of_tokens_count_against_the_rate_of_the_key_that_earned_them(auth: Auth) -> None:
    key = await auth.api_key(subject="user:fast", requests_per_second=1)
    token = (await auth.issue(api_key=key.secret)).access_token
    exchange = token_service_pb2.TokenExchange(subject_token=token, may_act="user:friend")
    error = await refused_at_last(auth, token_exchange=exchange)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    call = auth.tokens.RevokeToken(token_service_pb2.RevokeTokenRequest(token="x"), metadata=bearer(token))
    assert (await refusal(call)).reason == "RATE_LIMITED"
