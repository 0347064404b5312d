"""Access tokens for tests of services other than auth: signed like its own, with a key of the test's."""

import base64
import copy
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from rookery.auth.v1 import token_pb2, token_service_pb2
from rookery_kit.access_token import ALGORITHM, TOKEN_TYPE
from rookery_kit.clock import new_id
from rookery_kit.foundation import Foundation
from rookery_kit.identity import EVERY_PERMISSION
from rookery_kit.lifecycle import Compose, Service
from rookery_kit.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)
Bearer = tuple[tuple[str, str], ...]
_KEY_ID = "test"
_TOKEN_SERVICE = "rookery.auth.v1.TokenService"


class TokenMint:
    """Stands for auth: signs access tokens and knows the key that verifies them."""

    def __init__(self, *, issuer: str = "https://auth.rookery.local", audience: str = "rookery") -> None:
        self._private = Ed25519PrivateKey.generate()
        self._issuer = issuer
        self._audience = audience
        self._ahead = timedelta()

    def by_clock(self, ahead: timedelta) -> Self:
        """The same auth, whose clock is so far ahead; behind, if that is negative."""
        other = copy.copy(self)
        other._ahead = ahead
        return other

    def mint(
        self,
        *,
        tenant: str = "default",
        subject: str = "user:admin",
        permissions: Iterable[str] = (EVERY_PERMISSION,),
        roles: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
        lifetime: timedelta = timedelta(minutes=10),
        **claims: object,
    ) -> str:
        """An access token; a negative lifetime gives an expired one. `claims` replace or add claims."""
        now = datetime.now(UTC) + self._ahead
        expires = now + lifetime
        payload = {
            "iss": self._issuer,
            "sub": subject,
            "aud": self._audience,
            "iat": int(min(now, expires).timestamp()),
            "exp": int(expires.timestamp()),
            "jti": new_id(),
            "tenant": tenant,
            "roles": list(roles),
            "scope": " ".join(permissions),
            "labels": dict(labels or {}),
        }
        headers = {"kid": _KEY_ID, "typ": TOKEN_TYPE}
        return jwt.encode(payload | claims, self._private, algorithm=ALGORITHM, headers=headers)

    def bearer(
        self,
        *,
        tenant: str = "default",
        subject: str = "user:admin",
        permissions: Iterable[str] = (EVERY_PERMISSION,),
        labels: Mapping[str, str] | None = None,
        lifetime: timedelta = timedelta(minutes=10),
        actors: Sequence[str] = (),
    ) -> Bearer:
        """The metadata of a call with such a token, with which `actors` act for the subject, the nearest first."""
        chain: dict[str, Any] = {}
        for actor in reversed(actors):
            chain = {"act": {"sub": actor} | chain}
        token = self.mint(
            tenant=tenant, subject=subject, permissions=permissions, labels=labels, lifetime=lifetime, **chain
        )
        return (("authorization", f"Bearer {token}"),)

    async def fetch_keys(self) -> Mapping[str, Ed25519PublicKey]:
        """The keys as a service asks for them."""
        return {_KEY_ID: self._private.public_key()}

    def trusted_by(self, compose: Compose[S]) -> Compose[S]:
        """The same composition, verifying tokens with this mint's key instead of asking auth."""

        async def compose_with_keys(settings: S, foundation: Foundation) -> Service:
            return replace(await compose(settings, foundation), fetch_keys=self.fetch_keys)

        return compose_with_keys

    @asynccontextmanager
    async def serving_keys(self) -> AsyncIterator[str]:
        """Answers GetJwks, as auth does, for services in processes of their own. Gives the address."""
        x = base64.urlsafe_b64encode(self._private.public_key().public_bytes_raw()).decode().rstrip("=")
        key = token_pb2.JsonWebKey(kid=_KEY_ID, kty="OKP", crv="Ed25519", alg=ALGORITHM, use="sig", x=x)

        async def get_jwks(_request: bytes, _context: object) -> bytes:
            return token_service_pb2.GetJwksResponse(keys=[key]).SerializeToString()

        methods: dict[str, Any] = {"GetJwks": grpc.unary_unary_rpc_method_handler(get_jwks)}
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_TOKEN_SERVICE, methods),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(grace=None)
