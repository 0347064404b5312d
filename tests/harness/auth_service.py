"""An auth service inside the test, and what tests ask of it."""

import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from pydantic import SecretStr
from rookery.auth.v1 import (
    api_key_service_pb2,
    api_key_service_pb2_grpc,
    audit_service_pb2_grpc,
    enrollment_service_pb2,
    enrollment_service_pb2_grpc,
    key_service_pb2_grpc,
    token_pb2,
    token_service_pb2,
    token_service_pb2_grpc,
)
from rookery_auth.__main__ import compose
from rookery_auth.settings import AuthSettings

from harness.databases import FreshDatabase
from harness.in_process import running
from harness.nats_server import RestartableNats

Bearer = tuple[tuple[str, str], ...]


@dataclass
class Auth:
    """The stubs of a running auth service."""

    settings: AuthSettings
    channel: grpc.aio.Channel
    tokens: "token_service_pb2_grpc.TokenServiceAsyncStub"
    enrollments: "enrollment_service_pb2_grpc.EnrollmentServiceAsyncStub"
    api_keys: "api_key_service_pb2_grpc.ApiKeyServiceAsyncStub"
    signing_keys: "key_service_pb2_grpc.KeyServiceAsyncStub"
    audit: "audit_service_pb2_grpc.AuditServiceAsyncStub"

    async def issue(self, request_id: str = "", **credential: object) -> token_pb2.TokenSet:
        """Exchanges a credential."""
        request = token_service_pb2.IssueTokenRequest(request_id=request_id, **credential)  # type: ignore[arg-type]
        return (await self.tokens.IssueToken(request)).token_set

    async def administrator(self) -> Bearer:
        """The metadata of a call by the administrator."""
        key = self.settings.bootstrap_credential_file.read_text().strip()
        return bearer((await self.issue(api_key=key)).access_token)

    async def enrollment(self, **fields: object) -> enrollment_service_pb2.CreateEnrollmentTokenResponse:
        """A new enrolment token."""
        request = enrollment_service_pb2.CreateEnrollmentTokenRequest(**fields)  # type: ignore[arg-type]
        return await self.enrollments.CreateEnrollmentToken(request, metadata=await self.administrator())

    async def enrolled(self, *roles: str) -> token_pb2.TokenSet:
        """The tokens of a new agent."""
        return await self.issue(enrollment_token=(await self.enrollment(roles=roles)).secret)

    async def api_key(
        self, metadata: Bearer | None = None, **fields: object
    ) -> api_key_service_pb2.CreateApiKeyResponse:
        """A new API key, of the administrator unless told otherwise."""
        request = api_key_service_pb2.CreateApiKeyRequest(
            **{"display_name": "test", "roles": ["tester"], **fields}  # type: ignore[arg-type]
        )
        return await self.api_keys.CreateApiKey(request, metadata=metadata or await self.administrator())

    async def introspect(self, token: str) -> token_service_pb2.IntrospectTokenResponse:
        """What auth says of a token, asked by the administrator."""
        request = token_service_pb2.IntrospectTokenRequest(token=token)
        return await self.tokens.IntrospectToken(request, metadata=await self.administrator())


def bearer(token: str) -> Bearer:
    """The metadata of a call with a token."""
    return (("authorization", f"Bearer {token}"),)


def auth_at(settings: AuthSettings, channel: grpc.aio.Channel) -> Auth:
    """The stubs on a channel."""
    return Auth(
        settings,
        channel,
        token_service_pb2_grpc.TokenServiceStub(channel),
        enrollment_service_pb2_grpc.EnrollmentServiceStub(channel),
        api_key_service_pb2_grpc.ApiKeyServiceStub(channel),
        key_service_pb2_grpc.KeyServiceStub(channel),
        audit_service_pb2_grpc.AuditServiceStub(channel),
    )


@asynccontextmanager
async def running_auth(settings: AuthSettings) -> AsyncIterator[Auth]:
    """Serves until the block ends."""
    async with running(settings, compose) as channel:
        yield auth_at(settings, channel)


@pytest.fixture
def auth_settings(fresh_database: FreshDatabase, nats_server: RestartableNats, tmp_path: Path) -> AuthSettings:
    """Settings for an auth service on the test's database and bus, with a master key of its own."""
    key = tmp_path / "master.key"
    key.write_bytes(base64.b64encode(os.urandom(32)))
    key.chmod(0o600)
    return AuthSettings(
        listen="127.0.0.1:0",
        metrics_listen="127.0.0.1:0",
        database_url=SecretStr(fresh_database.url("auth")),
        nats_url=SecretStr(nats_server.url("auth")),
        auth_address="127.0.0.1:0",
        master_key_file=key,
        bootstrap_credential_file=tmp_path / "admin.key",
    )


@pytest.fixture
async def auth(auth_settings: AuthSettings) -> AsyncIterator[Auth]:
    """A running auth service."""
    async with running_auth(auth_settings) as started:
        yield started
