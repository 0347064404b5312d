"""Which keys verify tokens, and since when no more."""

from collections.abc import Mapping
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from harness.token_verifying import (
    AUDIENCE,
    CLAIMS,
    HEADERS,
    ISSUER,
    KEY,
    Keys,
    SteppedClock,
    sign,
    verifier,
)
from rookery_kit.access_token import TokenInvalid, TokenVerifier
from rookery_kit.errors import Unavailable
from rookery_kit.identity_feed import Admission


@pytest.mark.capability("A3")
async def test_a_key_published_later_is_fetched_when_a_token_names_it_and_not_for_every_token() -> None:
    clock, keys, new = SteppedClock(), Keys(one=KEY), Ed25519PrivateKey.generate()
    checking = await verifier(clock, keys)
    token = jwt.encode(CLAIMS, new, algorithm="EdDSA", headers={**HEADERS, "kid": "two"})
    keys.published["two"] = new
    with pytest.raises(TokenInvalid):
        await checking.verify(token)
    assert keys.asked == 1, "asked within seconds of the last time"
    clock.passed = timedelta(seconds=6)
    assert (await checking.verify(token)).tenant == "acme"
    assert (await checking.verify(sign())).tenant == "acme"
    assert keys.asked == 2


@pytest.mark.capability("A3")
async def test_what_a_key_let_in_is_refused_from_the_moment_auth_names_the_key_no_more() -> None:
    new = Ed25519PrivateKey.generate()
    keys = Keys(one=KEY, two=new)
    checking = await verifier(keys=keys)
    withdrawals: list[str] = []
    checking.on_withdrawal(lambda: withdrawals.append("told"))
    principal = await checking.verify(sign())
    checking.admit(principal)
    keys.published = {"two": new}
    await checking.keep_keys(["two"])
    assert withdrawals == ["told"]
    assert checking.recall(sign()) is None
    assert not checking.admits(principal)
    with pytest.raises(TokenInvalid):
        checking.admit(principal)
    await checking.keep_keys(["two"])
    assert withdrawals == ["told"]


@pytest.mark.capability("A3")
async def test_a_key_that_auth_named_no_more_does_not_come_back_by_a_replica_that_is_behind() -> None:
    clock, new = SteppedClock(), Ed25519PrivateKey.generate()
    keys = Keys(one=KEY)
    checking = await verifier(clock, keys)
    principal = await checking.verify(sign())
    # The replica that is asked has not heard of the change: it answers the old key, and not the new one.
    await checking.keep_keys(["two"])
    assert not checking.admits(principal)
    clock.passed = timedelta(seconds=6)
    with pytest.raises(TokenInvalid):
        await checking.verify(sign())
    keys.published = {"one": KEY, "two": new}
    await checking.keep_keys(["two"])
    with pytest.raises(TokenInvalid):
        await checking.verify(sign())
    signed = jwt.encode(CLAIMS, new, algorithm="EdDSA", headers={**HEADERS, "kid": "two"})
    assert (await checking.verify(signed)).key_id == "two"
    await checking.keep_keys(["one", "two"])
    assert checking.admits(await checking.verify(sign()))


async def test_a_key_is_withdrawn_even_when_auth_cannot_be_asked() -> None:
    keys = Keys(one=KEY)
    checking = await verifier(keys=keys)
    principal = await checking.verify(sign())
    keys.away = True
    await checking.keep_keys(["two"])
    assert not checking.admits(principal)


async def test_keys_that_cannot_be_fetched_are_an_outage_and_no_forgery() -> None:
    async def down() -> Mapping[str, Ed25519PublicKey]:
        raise Unavailable("auth does not answer")

    checking = TokenVerifier(
        issuer=ISSUER,
        audience=AUDIENCE,
        clock=SteppedClock(),
        admission=Admission(SteppedClock(), stale_after=300),
        fetch_keys=down,
    )
    with pytest.raises(Unavailable):
        await checking.verify(sign())
