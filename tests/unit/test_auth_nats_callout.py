"""Who is let in when NATS asks."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from harness.limited_callers import HeldClock
from nats.aio.client import Client
from rookery_auth.nats_callout.claims import Answers, Question
from rookery_auth.nats_callout.connection_name import ConnectedToken
from rookery_auth.nats_callout.permissions import AgentSubjects
from rookery_auth.nats_callout.responder import CalloutResponder
from rookery_kit.access_token import TokenVerifier
from rookery_kit.identity_feed import Admission
from rookery_kit.nkeys import AccountKey, read_claims

pytestmark = pytest.mark.capability("A9")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.generate()
CLAIMS = {
    "iss": "auth",
    "aud": "rookery",
    "sub": "agent:one",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 600,
    "jti": "token-1",
    "tenant": "acme",
    "roles": ["agent"],
    "scope": "messages:receive agents:read",
}


class Clock(HeldClock):
    def now(self) -> datetime:
        return NOW


async def keys() -> Mapping[str, Ed25519PublicKey]:
    return {"k1": KEY.public_key()}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def responder(clock: Clock) -> CalloutResponder:
    verifier = TokenVerifier(
        issuer="auth", audience="rookery", clock=clock, admission=Admission(clock, stale_after=300), fetch_keys=keys
    )
    answers = Answers(AccountKey.generate(), "ROOKERY", AgentSubjects(), clock)
    return CalloutResponder(Client(), verifier, answers, clock)


async def asked(responder: CalloutResponder, **claims: object) -> dict[str, Any]:
    """What the server is told of a connection with a token that says so."""
    token = jwt.encode(CLAIMS | claims, KEY, algorithm="EdDSA", headers={"kid": "k1", "typ": "at+jwt"})
    told: dict[str, Any] = read_claims(await responder.answer(Question("server", "UKEY", token)))["nats"]
    return told


async def test_a_connection_is_let_in_to_its_own_inbox_and_streams_and_named_by_its_token(
    responder: CalloutResponder,
) -> None:
    user = read_claims((await asked(responder))["jwt"].encode())
    assert user["nats"]["sub"]["allow"] == ["_INBOX.one.token-1.>"]
    assert "rk.acme.agent.one.stream.token-1.*" in user["nats"]["pub"]["allow"]
    assert not [subject for subject in user["nats"]["pub"]["allow"] if not subject.startswith("rk.acme.agent.one.")]
    named = ConnectedToken.read(user["name"])
    assert named is not None
    assert (named.jti, named.key_id) == ("token-1", "k1")


async def test_the_name_of_an_earlier_version_says_nothing_of_a_key(responder: CalloutResponder) -> None:
    user = read_claims((await asked(responder))["jwt"].encode())
    earlier = {name: value for name, value in json.loads(user["name"]).items() if name != "key_id"}
    named = ConnectedToken.read(json.dumps(earlier))
    assert named is not None
    assert named.key_id == ""


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"act": {"sub": "agent:two"}}, "ACTS_FOR_ANOTHER"),
        ({"act": {"sub": "user:jane", "act": {"sub": "agent:two"}}}, "ACTS_FOR_ANOTHER"),
        ({"sub": "user:jane"}, "NOT_AN_AGENT"),
        ({"sub": "agent:*"}, "NOT_A_SUBJECT"),
        ({"sub": "agent:one.two"}, "NOT_A_SUBJECT"),
        ({"jti": ">"}, "NOT_A_SUBJECT"),
        ({"exp": CLAIMS["iat"]}, "TOKEN_EXPIRED"),
        ({"aud": "another"}, "TOKEN_INVALID"),
    ],
)
async def test_who_is_kept_out(responder: CalloutResponder, claims: dict[str, object], reason: str) -> None:
    assert (await asked(responder, **claims))["error"] == reason


async def test_an_agent_that_connects_too_often_is_kept_out_for_a_while_and_others_are_not(
    responder: CalloutResponder, clock: Clock
) -> None:
    told = [await asked(responder, jti=f"token-{number}") for number in range(10)]
    assert [each.get("error") for each in told] == [None] * 6 + ["TOO_MANY_CONNECTIONS"] * 4
    assert "jwt" in await asked(responder, sub="agent:two")
    assert "jwt" in await asked(responder, tenant="other")
    clock.seconds += 0.075
    assert "jwt" in await asked(responder)
    assert "error" in await asked(responder)
