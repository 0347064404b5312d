"""A connection to NATS lasts as long as the token that opened it."""

import asyncio
from datetime import UTC, datetime

import pytest
from harness.nats_agents import NatsSuite, connected, refused_connection


@pytest.fixture
def callout_settings() -> dict[str, str]:
    return {"ACCESS_TOKEN_SECONDS": "10"}


@pytest.mark.capability("A9")
async def test_the_connection_ends_when_the_token_expires(nats_suite: NatsSuite) -> None:
    token_set = await nats_suite.enroll()
    expires = token_set.access_expire_time.ToDatetime(tzinfo=UTC)
    async with connected(nats_suite.url, token_set) as agent:
        await asyncio.wait_for(agent.closed.wait(), 20)
        assert datetime.now(UTC) >= expires
    assert "authorization violation" in (await refused_connection(nats_suite.url, agent.token)).lower()
