"""The row token_first_sight: what a token costs that a service has not seen before."""

import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from statistics import median

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rookery_kit.access_token import ALGORITHM, TOKEN_TYPE, TokenVerifier
from rookery_kit.clock import SystemClock, new_id
from rookery_kit.identity_feed import Admission

from bench.measure import Conditions, Measure, Quantity, Reading

_TOKENS = 500
_TURNS = 8
_KEY_ID = "bench"
_ISSUER, _AUDIENCE = "https://auth.rookery.local", "rookery"
_QUANTITY = Quantity("token_first_sight", "us", "lower", "the bare Ed25519 verification of the same signature")


@asynccontextmanager
async def open_measures() -> AsyncIterator[tuple[Measure, ...]]:
    """Signs tokens anew for each turn, within this process."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key()
    clock = SystemClock()

    async def fetch_keys() -> dict[str, object]:
        return {_KEY_ID: public}

    async def timed(tokens: list[str], see: Callable[[str], Awaitable[object]]) -> Reading:
        seconds = []
        for token in tokens:
            begun = time.perf_counter()
            await see(token)
            seconds.append(time.perf_counter() - begun)
        return Reading({_QUANTITY.name: median(seconds) * 1e6})

    async def take() -> Reading:
        verifier = TokenVerifier(
            issuer=_ISSUER,
            audience=_AUDIENCE,
            clock=clock,
            admission=Admission(clock, stale_after=300),
            fetch_keys=fetch_keys,  # type: ignore[arg-type] # the key is of the type that it names
        )
        await verifier.refresh()
        return await timed(_signed(key), verifier.verify)

    async def take_baseline() -> Reading:
        async def see(token: str) -> None:
            signed, _, signature = token.rpartition(".")
            public.verify(base64.urlsafe_b64decode(signature + "=="), signed.encode())

        return await timed(_signed(key), see)

    conditions: Conditions = {
        "tokens_per_turn": _TOKENS,
        "claims": "as auth writes them: roles, 13 permissions, a session",
    }
    yield (Measure((_QUANTITY,), take=take, take_baseline=take_baseline, turns=_TURNS, conditions=conditions),)


def _signed(key: Ed25519PrivateKey) -> list[str]:
    now = int(time.time())
    claims = {
        "iss": _ISSUER,
        "sub": f"agent:{new_id()}",
        "aud": _AUDIENCE,
        "iat": now,
        "exp": now + 600,
        "tenant": "bench",
        "roles": ["agent"],
        "scope": " ".join(f"resource{number}:action" for number in range(13)),
        "sid": [new_id()],
    }
    headers = {"kid": _KEY_ID, "typ": TOKEN_TYPE}
    return [jwt.encode({**claims, "jti": new_id()}, key, ALGORITHM, headers) for _ in range(_TOKENS)]
