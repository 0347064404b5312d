import asyncio

import pytest
from harness.eventually import eventually
from rookery_sdk import Unavailable
from rookery_sdk.tokens import AccessToken, AccessTokens


class Mint:
    """A credential whose tokens are numbered; it answers when it is let, or fails."""

    def __init__(self, lifetime: float = 100.0) -> None:
        self.earned = 0
        self.lifetime = lifetime
        self.error: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def earn(self) -> AccessToken:
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        self.earned += 1
        return AccessToken(f"token-{self.earned}", self.lifetime, "agent:1")


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_a_token_is_earned_once_and_then_kept() -> None:
    mint = Mint()
    tokens = AccessTokens(mint, monotonic=Time())
    assert [(await tokens.current()).value for _ in range(3)] == ["token-1"] * 3


async def test_of_many_that_ask_at_once_one_earns() -> None:
    mint = Mint()
    tokens = AccessTokens(mint, monotonic=Time())
    assert {token.value for token in await asyncio.gather(*(tokens.current() for _ in range(50)))} == {"token-1"}


async def test_a_token_is_renewed_well_before_it_expires_and_nobody_waits_for_that() -> None:
    mint, time = Mint(lifetime=100), Time()
    tokens = AccessTokens(mint, monotonic=time)
    await tokens.current()
    time.now += 61
    mint.may_answer.clear()
    assert (await tokens.current()).value == "token-1"
    mint.may_answer.set()
    await eventually(lambda: mint.earned == 2)
    assert (await tokens.current()).value == "token-2"


async def test_while_it_cannot_be_renewed_the_token_is_used_to_its_end() -> None:
    mint, time = Mint(lifetime=100), Time()
    tokens = AccessTokens(mint, monotonic=time)
    await tokens.current()
    mint.error = Unavailable("auth is away")
    time.now += 90
    for _ in range(3):
        assert (await tokens.current()).value == "token-1"
        time.now += 2
    time.now += 20
    with pytest.raises(Unavailable, match="auth is away"):
        await tokens.current()
    mint.error = None
    assert (await tokens.current()).value == "token-2"
    await tokens.close()


async def test_a_refused_token_is_replaced_once_however_many_were_refused_with_it() -> None:
    mint = Mint()
    tokens = AccessTokens(mint, monotonic=Time())
    refused = await tokens.current()
    replaced = await asyncio.gather(*(tokens.replaced(refused) for _ in range(10)))
    assert {token.value for token in replaced} == {"token-2"}
    assert (await tokens.replaced(refused)).value == "token-2"


async def test_one_caller_that_gives_up_does_not_cut_off_the_others() -> None:
    mint = Mint()
    mint.may_answer.clear()
    tokens = AccessTokens(mint, monotonic=Time())
    impatient, patient = asyncio.create_task(tokens.current()), asyncio.create_task(tokens.current())
    await asyncio.wait({impatient, patient}, timeout=0.01)
    impatient.cancel()
    mint.may_answer.set()
    assert (await patient).value == "token-1"


def test_a_token_does_not_show_its_value() -> None:
    assert "secret" not in repr(AccessToken("secret", 1.0, "agent:1"))
