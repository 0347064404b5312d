"""Tokens that somebody made up: none opens anything, none breaks anything, none shows in a log."""

import base64
import binascii
import json
import random
import string
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from harness.auth_service import Auth, auth_at, bearer
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from harness.refusal import Refusal, refusal
from harness.suite import Suite, running_suite
from rookery.auth.v1 import token_service_pb2
from rookery_auth.master_key import read_master_key
from rookery_auth.model import SigningKey
from rookery_auth.settings import AuthSettings
from rookery_auth.signing import open_private_key
from rookery_kit.access_token import MAX_TOKEN_CHARACTERS, REQUIRED_CLAIMS, TokenVerifier
from rookery_kit.clock import SystemClock
from rookery_kit.errors import Unauthenticated
from rookery_kit.identity_feed import Admission

MUTATIONS = 10_000
OVER_THE_WIRE = 300
ALPHABET = string.ascii_letters + string.digits + "-_.=+/ %{}\"'"


@dataclass(frozen=True)
class Forger:
    """Somebody who holds the real signing key, and so can make tokens that are wrong in one thing only."""

    kid: str
    private: Ed25519PrivateKey
    claims: dict[str, Any]

    def sign(self, *, headers: dict[str, Any] | None = None, without: str = "", **claims: object) -> str:
        """A token like the real one but for what is given."""
        said = {name: value for name, value in {**self.claims, **claims}.items() if name != without}
        return self.assemble({"alg": "EdDSA", "kid": self.kid, "typ": "at+jwt", **(headers or {})}, said)

    def assemble(self, headers: dict[str, Any], claims: dict[str, Any]) -> str:
        """A token with a good signature over whatever this is."""
        text = f"{segment(headers)}.{segment(claims)}"
        return f"{text}.{encoded(self.private.sign(text.encode()))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def segment(value: object) -> str:
    return encoded(json.dumps(value).encode())


@pytest.fixture
async def alone(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Suite]:
    """Auth as a process of its own, so that all that it writes can be read."""
    async with running_suite(fresh_database, nats_server, services=("auth",)) as suite:
        yield suite


@pytest.fixture
def auth(alone: Suite, auth_settings: AuthSettings) -> Auth:
    files = {
        "master_key_file": alone.folder / "master.key",
        "bootstrap_credential_file": alone.folder / "admin.credential",
    }
    return auth_at(auth_settings.model_copy(update=files), alone.channel("auth"))


@pytest.fixture
async def forger(auth: Auth, fresh_database: FreshDatabase) -> Forger:
    assert auth.settings.master_key_file is not None
    master_key = read_master_key(auth.settings.master_key_file)
    columns = "kid, public_x, encrypted_private, create_time, activate_time"
    with psycopg.connect(fresh_database.admin_url) as connection:
        row = connection.execute(f"SELECT {columns} FROM auth.signing_keys").fetchone()
    assert row is not None
    key = SigningKey(*row)
    token = (await auth.enrolled("developer")).access_token
    claims = jwt.decode(token, options={"verify_signature": False})
    return Forger(key.kid, open_private_key(key, master_key), claims)


def attacks(forger: Forger) -> Iterator[tuple[str, str]]:
    """Each attack by its name."""
    good, now = forger.sign(), forger.claims["iat"]
    header, payload, signature = good.split(".")
    public = forger.private.public_key().public_bytes_raw()
    named = {"kid": forger.kid, "typ": "at+jwt"}
    yield "alg none", f"{segment({**named, 'alg': 'none'})}.{payload}."
    yield "alg none with a signature", f"{segment({**named, 'alg': 'none'})}.{payload}.{signature}"
    yield "HS256 with the public key", jwt.encode(forger.claims, public, algorithm="HS256", headers=named)
    yield "another key under this id", Forger(forger.kid, Ed25519PrivateKey.generate(), forger.claims).sign()
    yield "unknown kid", forger.sign(headers={"kid": "0123456789abcdef"})
    yield "kid of another kind", forger.sign(headers={"kid": 7})
    yield "a key of its own", forger.sign(headers={"kid": "x", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}})
    yield "tampered payload", f"{header}.{segment({**forger.claims, 'scope': '*:*'})}.{signature}"
    yield "tampered header", f"{segment({**named, 'alg': 'EdDSA', 'x': 1})}.{payload}.{signature}"
    yield "expired", forger.sign(exp=now - 1)
    yield "not valid yet", forger.sign(nbf=now + 600)
    yield "issued in the future", forger.sign(iat=now + 600)
    yield "wrong issuer", forger.sign(iss="https://elsewhere.example")
    yield "wrong audience", forger.sign(aud="another")
    yield "type JWT", forger.sign(headers={"typ": "JWT"})
    yield "delegation type", forger.sign(headers={"typ": "delegation+jwt"}, may_act={"sub": "user:x"})
    yield "every tenant", forger.sign(tenant="*")
    yield "oversized", forger.sign(filler="x" * MAX_TOKEN_CHARACTERS)
    yield "critical extension", forger.sign(headers={"crit": ["b64"], "b64": False})
    yield "actors without end", forger.sign(act=_deep(200))
    for claim in REQUIRED_CLAIMS:
        yield f"without {claim}", forger.sign(without=claim)
    for garbage in ("", ".", "..", "a.b.c", good[:-5], f"{good}.{good}", f"{good} {good}", payload, "null", "%00"):
        yield f"garbage {garbage[:8]!r}", garbage


def _deep(depth: int) -> dict[str, Any]:
    act: dict[str, Any] = {"sub": "user:x"}
    for _ in range(depth):
        act = {"sub": "user:x", "act": act}
    return act


async def call(auth: Auth, token: str) -> Refusal:
    request = token_service_pb2.RevokeTokenRequest(token="nothing")
    return await refusal(auth.tokens.RevokeToken(request, metadata=bearer(token), timeout=10))


def mutated(token: str, chance: random.Random) -> str:
    """The token with one to three changes that alter what it says."""
    changed = token
    while _same(token, changed):
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(changed) + 1)
            match chance.randrange(5):
                case 0:
                    changed = changed[:place] + chance.choice(ALPHABET) + changed[place + 1 :]
                case 1:
                    changed = changed[:place] + chance.choice(ALPHABET) + changed[place:]
                case 2:
                    changed = changed[:place] + changed[place + 1 :]
                case 3:
                    changed = changed[:place]
                case _:
                    parts = changed.split(".")
                    chance.shuffle(parts)
                    changed = ".".join(parts)
    return changed


def _same(token: str, changed: str) -> bool:
    """Whether both say the same, bits that base64 leaves unused aside."""
    if changed.strip() == token:
        return True
    try:
        return [_bytes(part) for part in token.split(".")] == [_bytes(part) for part in changed.split(".")]
    except (binascii.Error, ValueError):
        return False


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part.encode() + b"=" * (-len(part) % 4))


def assert_unlogged(log: str, tokens: list[str]) -> None:
    for token in tokens:
        for part in token.split("."):
            assert len(part) < 20 or part not in log, "a token is in the log"


@pytest.mark.capability("A2")
async def test_every_made_up_token_is_unauthenticated_and_none_is_logged(
    auth: Auth, forger: Forger, alone: Suite
) -> None:
    request = token_service_pb2.RevokeTokenRequest(token="nothing")
    await auth.tokens.RevokeToken(request, metadata=bearer(forger.sign()))
    tried = list(attacks(forger))
    for name, token in tried:
        refused = await call(auth, token)
        reason = "TOKEN_EXPIRED" if name == "expired" else "TOKEN_INVALID"
        assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, reason), name
        assert token not in refused.message or len(token) < 10
    log = alone.log("auth")
    assert "internal fault" not in log
    assert_unlogged(log, [token for _, token in tried])


@pytest.mark.capability("A2")
async def test_revoked_tokens_and_reused_refresh_tokens_are_unauthenticated_and_not_logged(
    auth: Auth, alone: Suite
) -> None:
    agent, key = await auth.enrolled(), await auth.api_key(roles=["observer"])
    renewed = await auth.issue(refresh_token=agent.refresh_token)
    reused = await refusal(auth.issue(refresh_token=agent.refresh_token))
    assert (reused.code, reused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "REFRESH_TOKEN_REUSED")

    async def revoked() -> bool:
        try:
            request = token_service_pb2.RevokeTokenRequest(token="nothing")
            await auth.tokens.RevokeToken(request, metadata=bearer(renewed.access_token))
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.UNAUTHENTICATED
        return False

    await eventually(revoked, within=2)
    assert (await call(auth, renewed.access_token)).reason == "TOKEN_REVOKED"
    for secret in (agent.refresh_token, renewed.refresh_token, key.secret[:-1] + "_", key.secret[:-10]):
        for kind in ("api_key", "refresh_token", "enrollment_token"):
            refused = await refusal(auth.issue(**{kind: secret}))
            assert refused.code is grpc.StatusCode.UNAUTHENTICATED
    log = alone.log("auth")
    assert "refresh token reused" in log
    assert "internal fault" not in log
    assert_unlogged(
        log, [agent.access_token, agent.refresh_token, renewed.access_token, renewed.refresh_token, key.secret]
    )


@pytest.mark.capability("A2")
async def test_of_ten_thousand_mutations_of_a_token_none_passes_and_none_breaks_anything(
    auth: Auth, forger: Forger, alone: Suite
) -> None:
    clock = SystemClock()

    async def fetch_keys() -> dict[str, Any]:
        return {forger.kid: forger.private.public_key()}

    verifier = TokenVerifier(
        issuer=auth.settings.issuer,
        audience=auth.settings.audience,
        clock=clock,
        admission=Admission(clock, stale_after=300),
        fetch_keys=fetch_keys,
    )
    await verifier.refresh()
    good = forger.sign()
    assert (await verifier.verify(good)).subject == forger.claims["sub"]
    chance = random.Random(20261121)
    tried = [mutated(good, chance) for _ in range(MUTATIONS)]
    for token in tried:
        with pytest.raises(Unauthenticated):
            await verifier.verify(token)
        assert verifier.recall(token) is None
    for token in tried[:OVER_THE_WIRE]:
        assert (await call(auth, token)).code is grpc.StatusCode.UNAUTHENTICATED, token
    log = alone.log("auth")
    assert "internal fault" not in log
    assert_unlogged(log, [good, *tried[:OVER_THE_WIRE]])
