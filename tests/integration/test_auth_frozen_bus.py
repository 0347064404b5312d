"""While the bus passes nothing on, auth goes by its own database: it ends what it says it has ended."""

import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from harness.auth_service import Auth, Bearer, bearer, running_auth
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from harness.tenants import Tenants, token_for
from rookery.auth.v1 import api_key_service_pb2, key_service_pb2, token_service_pb2
from rookery_auth.settings import AuthSettings


@dataclass
class Acme:
    """A tenant on a replica of auth, with a token that is to end and what that was earned with."""

    auth: Auth
    installation: Bearer
    administrator: Bearer
    key_id: str
    token: str

    async def revoke_subject(self) -> None:
        request = token_service_pb2.RevokeTokenRequest(subject="user:jane")
        await self.auth.tokens.RevokeToken(request, metadata=self.administrator)

    async def revoke_token(self) -> None:
        request = token_service_pb2.RevokeTokenRequest(token=self.token)
        await self.auth.tokens.RevokeToken(request, metadata=self.administrator)

    async def revoke_key(self) -> None:
        request = api_key_service_pb2.RevokeApiKeyRequest(api_key_id=self.key_id)
        await self.auth.api_keys.RevokeApiKey(request, metadata=self.administrator)

    async def suspend(self) -> None:
        await Tenants(self.auth.channel, self.installation).suspend("acme")

    async def give_up_the_signing_key(self) -> None:
        request = key_service_pb2.RotateSigningKeyRequest(compromised=True)
        await self.auth.signing_keys.RotateSigningKey(request, metadata=self.installation)

    async def use(self) -> None:
        """Something that every good token of this tenant may do."""
        request = api_key_service_pb2.ListApiKeysRequest()
        await self.auth.api_keys.ListApiKeys(request, metadata=bearer(self.token))

    async def active(self, auth: Auth) -> bool:
        """Whether a replica says that the token is good."""
        request = token_service_pb2.IntrospectTokenRequest(token=self.token)
        return (await auth.tokens.IntrospectToken(request, metadata=self.administrator)).active


Ending = Callable[[Acme], Awaitable[None]]
REVOCATIONS = (Acme.revoke_subject, Acme.revoke_token, Acme.revoke_key)


@pytest.fixture
async def acme(auth: Auth) -> Acme:
    installation = await auth.administrator()
    created = await Tenants(auth.channel, installation).create("acme")
    administrator = await token_for(auth.channel, created.administrator_secret)
    key = await auth.api_key(administrator, subject="user:jane", roles=["admin"])
    token = (await auth.issue(api_key=key.secret)).access_token
    return Acme(auth, installation, administrator, key.api_key.id, token)


@contextmanager
def frozen(nats: RestartableNats) -> Iterator[None]:
    """The server keeps its connections and passes nothing on."""
    os.kill(nats.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(nats.pid, signal.SIGCONT)


@pytest.mark.capability("A2")
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        *((end, "TOKEN_REVOKED") for end in REVOCATIONS),
        (Acme.suspend, "TENANT_SUSPENDED"),
        (Acme.give_up_the_signing_key, "TOKEN_INVALID"),
    ],
)
async def test_auth_refuses_at_once_what_it_has_ended_though_the_bus_is_frozen(
    acme: Acme, nats_server: RestartableNats, end: Ending, reason: str
) -> None:
    await acme.use()
    with frozen(nats_server):
        begun = time.monotonic()
        await end(acme)
        assert time.monotonic() - begun < 2
        assert (await refusal(acme.use())).reason == reason


@pytest.mark.capability("A2")
async def test_every_replica_says_that_a_revoked_token_is_inactive_though_the_bus_is_frozen(
    acme: Acme, auth_settings: AuthSettings, nats_server: RestartableNats
) -> None:
    async with running_auth(auth_settings) as other:
        for auth in (acme.auth, other):
            assert await acme.active(auth)
        with frozen(nats_server):
            await acme.revoke_token()
            for auth in (acme.auth, other):
                assert not await acme.active(auth)
