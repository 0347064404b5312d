import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import assume, given
from hypothesis import strategies as st
from rookery_kit.access_token import (
    LEEWAY_SECONDS,
    MAX_LIFETIME_SECONDS,
    MAX_TOKEN_CHARACTERS,
    REQUIRED_CLAIMS,
    TokenExpired,
    TokenInvalid,
    TokenVerifier,
    public_key,
)
from rookery_kit.errors import Unavailable
from rookery_kit.identity_feed import Admission

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ISSUER, AUDIENCE = "https://auth.example", "rookery"
KEY = Ed25519PrivateKey.generate()
HEADERS = {"kid": "one", "typ": "at+jwt"}
ISSUED_AT = int(NOW.timestamp())
CLAIMS = {
    "iss": ISSUER,
    "sub": "agent:0190a0b0-0000-7000-8000-000000000001",
    "aud": AUDIENCE,
    "iat": ISSUED_AT,
    "exp": ISSUED_AT + 600,
    "jti": "token-1",
    "tenant": "acme",
    "roles": ["agent"],
    "scope": "tasks:work messages:send",
    "labels": {"team": "blue", "area": "docs"},
}


class SteppedClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def now(self) -> datetime:
        return NOW + self.passed

    def monotonic(self) -> float:
        return self.passed.total_seconds()


class Keys:
    """The published keys; counts how often they are asked for, and may be away."""

    def __init__(self, **keys: Ed25519PrivateKey) -> None:
        self.published = keys
        self.asked = 0
        self.away = False

    async def fetch(self) -> Mapping[str, Ed25519PublicKey]:
        self.asked += 1
        if self.away:
            raise Unavailable("auth does not answer")
        return {kid: key.public_key() for kid, key in self.published.items()}


async def verifier(
    clock: SteppedClock | None = None, keys: Keys | None = None, admission: Admission | None = None
) -> TokenVerifier:
    clock = clock or SteppedClock()
    made = TokenVerifier(
        issuer=ISSUER,
        audience=AUDIENCE,
        clock=clock,
        admission=admission or Admission(clock, stale_after=300),
        fetch_keys=(keys or Keys(one=KEY)).fetch,
    )
    await made.refresh()
    return made


def sign(claims: Mapping[str, Any] = CLAIMS, headers: Mapping[str, Any] = HEADERS) -> str:
    return jwt.encode(dict(claims), KEY, algorithm="EdDSA", headers=dict(headers))


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


def test_a_published_key_is_read_from_its_jwk() -> None:
    raw = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert public_key(base64.urlsafe_b64encode(raw).rstrip(b"=").decode()) == KEY.public_key()
    with pytest.raises(ValueError):  # noqa: PT011 -- whatever it says
        public_key("AAAA")
