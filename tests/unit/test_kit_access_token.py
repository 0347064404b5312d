import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from harness.token_verifying import (
    CLAIMS,
    HEADERS,
    ISSUED_AT,
    KEY,
    NOW,
    SteppedClock,
    sign,
    verifier,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from rookery_kit.access_token import (
    LEEWAY_SECONDS,
    MAX_LIFETIME_SECONDS,
    MAX_TOKEN_CHARACTERS,
    REQUIRED_CLAIMS,
    TokenExpired,
    TokenInvalid,
    public_key,
)


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def refused(token: str, clock: SteppedClock | None = None) -> str:
    with pytest.raises((TokenInvalid, TokenExpired)) as caught:
        await (await verifier(clock)).verify(token)
    return caught.value.reason


@pytest.mark.capability("A3")
async def test_a_good_token_becomes_the_principal_it_names() -> None:
    principal = await (await verifier()).verify(sign())
    assert (principal.subject, principal.tenant, principal.roles) == (CLAIMS["sub"], "acme", ("agent",))
    assert principal.permissions == {"tasks:work", "messages:send"}
    assert principal.labels == (("area", "docs"), ("team", "blue"))
    assert principal.expires_at == NOW + timedelta(seconds=600)
    assert principal.key_id == "one"


async def test_an_unsigned_token_is_refused() -> None:
    for algorithm in ("none", "EdDSA"):
        unsigned = f"{segment({**HEADERS, 'alg': algorithm})}.{segment(CLAIMS)}."
        assert await refused(unsigned) == "TOKEN_INVALID"


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused() -> None:
    secret = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    forged = jwt.encode(CLAIMS, secret, algorithm="HS256", headers=HEADERS)
    assert await refused(forged) == "TOKEN_INVALID"


async def test_a_token_signed_with_another_key_under_a_known_id_is_refused() -> None:
    forged = jwt.encode(CLAIMS, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers=HEADERS)
    assert await refused(forged) == "TOKEN_INVALID"


@pytest.mark.parametrize("headers", [{}, {"kid": "two"}, {"kid": 1}, {"kid": None}, {"typ": "JWT"}, {"typ": "rt+jwt"}])
async def test_a_token_of_an_unknown_key_or_another_type_is_refused(headers: dict[str, object]) -> None:
    named = {**HEADERS, **headers} if headers else {"typ": "at+jwt"}
    token = f"{segment({**named, 'alg': 'EdDSA'})}.{segment(CLAIMS)}"
    signature = base64.urlsafe_b64encode(KEY.sign(token.encode())).rstrip(b"=").decode()
    assert await refused(f"{token}.{signature}") == "TOKEN_INVALID"


async def test_a_tampered_payload_is_refused() -> None:
    header, _, signature = sign().split(".")
    assert await refused(f"{header}.{segment({**CLAIMS, 'scope': '*:*'})}.{signature}") == "TOKEN_INVALID"


@pytest.mark.capability("A2")
async def test_a_token_is_good_until_the_second_it_expires() -> None:
    clock = SteppedClock()
    clock.passed = timedelta(seconds=599)
    await (await verifier(clock)).verify(sign())
    clock.passed = timedelta(seconds=600)
    assert await refused(sign(), clock) == "TOKEN_EXPIRED"


@pytest.mark.parametrize("claim", ["iat", "nbf"])
async def test_a_token_from_the_future_is_refused_beyond_the_leeway(claim: str) -> None:
    within, beyond = (CLAIMS | {claim: ISSUED_AT + LEEWAY_SECONDS + extra} for extra in (0, 1))
    await (await verifier()).verify(sign(within))
    assert await refused(sign(beyond)) == "TOKEN_INVALID"


@pytest.mark.capability("A3")
async def test_a_token_that_would_live_longer_than_auth_lets_any_is_refused() -> None:
    longest = ISSUED_AT + MAX_LIFETIME_SECONDS + LEEWAY_SECONDS
    await (await verifier()).verify(sign(CLAIMS | {"exp": longest}))
    assert await refused(sign(CLAIMS | {"exp": longest + 1})) == "TOKEN_INVALID"
    assert await refused(sign(CLAIMS | {"iat": ISSUED_AT - MAX_LIFETIME_SECONDS})) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"aud": ["another"]},
        {"exp": "soon"},
        {"exp": True},
        {"iat": None},
        {"nbf": "now"},
        {"sub": ""},
        {"sub": 7},
        {"tenant": None},
        {"tenant": ""},
        {"tenant": "*"},
        {"tenant": "acme' OR '1"},
        {"jti": ["a"]},
        {"roles": "admin"},
        {"roles": [1]},
        {"scope": ["*:*"]},
        {"labels": "none"},
        {"labels": {"team": 7}},
        {"exp": 253402300800},
        {"exp": float("inf")},
        {"exp": float("nan")},
    ],
)
async def test_a_claim_of_the_wrong_kind_is_refused(claims: dict[str, object]) -> None:
    assert await refused(sign(CLAIMS | claims)) == "TOKEN_INVALID"


@pytest.mark.parametrize("claim", REQUIRED_CLAIMS)
async def test_a_missing_claim_is_refused(claim: str) -> None:
    assert await refused(sign({name: value for name, value in CLAIMS.items() if name != claim})) == "TOKEN_INVALID"


async def test_an_oversized_token_is_refused_unread() -> None:
    assert await refused(sign(CLAIMS | {"filler": "x" * MAX_TOKEN_CHARACTERS})) == "TOKEN_INVALID"


@given(place=st.integers(min_value=0), letter=st.characters(codec="utf-8"))
async def test_no_change_to_a_token_passes_and_none_raises_anything_else(place: int, letter: str) -> None:
    token = sign()
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    assume(changed != token and _signs_something_else(token, changed))
    assert await refused(changed) == "TOKEN_INVALID"


def _signs_something_else(token: str, changed: str) -> bool:
    """The last letter of a signature carries bits that nothing decodes, so it has more than one spelling."""
    head, _, signature = token.rpartition(".")
    changed_head, _, changed_signature = changed.rpartition(".")
    if head != changed_head:
        return True
    try:
        return base64.urlsafe_b64decode(signature + "==") != base64.urlsafe_b64decode(changed_signature + "==")
    except ValueError:
        return True


@given(st.text(max_size=200))
async def test_no_text_is_taken_for_a_token(text: str) -> None:
    assert await refused(text) == "TOKEN_INVALID"


@given(
    st.dictionaries(
        st.sampled_from([*REQUIRED_CLAIMS, "nbf", "labels", "act"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.lists(st.integers()),
    )
)
async def test_whatever_the_claims_hold_the_answer_is_a_principal_or_a_refusal(claims: dict[str, Any]) -> None:
    signed = f"{segment({**HEADERS, 'alg': 'EdDSA'})}.{segment(CLAIMS | claims)}"
    token = f"{signed}.{base64.urlsafe_b64encode(KEY.sign(signed.encode())).rstrip(b'=').decode()}"
    checking = await verifier()
    try:
        principal = await checking.verify(token)
    except (TokenInvalid, TokenExpired):
        return
    assert principal.expires_at > NOW


@pytest.mark.capability("A2")
async def test_a_verified_token_is_remembered_until_it_expires() -> None:
    clock = SteppedClock()
    checking = await verifier(clock)
    token = sign()
    assert checking.recall(token) is None
    principal = await checking.verify(token)
    assert checking.recall(token) is principal
    clock.passed = timedelta(seconds=600)
    assert checking.recall(token) is None


def test_a_published_key_is_read_from_its_jwk() -> None:
    raw = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert public_key(base64.urlsafe_b64encode(raw).rstrip(b"=").decode()) == KEY.public_key()
    with pytest.raises(ValueError):  # noqa: PT011 -- whatever it says
        public_key("AAAA")
