"""Credentials and what they earn."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
from rookery.auth.v1 import enrollment_service_pb2, enrollment_service_pb2_grpc, token_pb2, token_service_pb2

from rookery_sdk.errors import Detail, Unauthenticated
from rookery_sdk.kept_identity import IdentityFile, KeptIdentity
from rookery_sdk.status import error_of
from rookery_sdk.tokens import AccessToken

if TYPE_CHECKING:
    from rookery.auth.v1 import token_service_pb2_grpc

_EXCHANGE_SECONDS = 10.0
_log = logging.getLogger("rookery_sdk")

# Answers an enrolment token, or None when there is no way to get one.
EnrollmentSource = Callable[[], Awaitable[str | None]]


class ApiKey:
    """An API key. `read` answers it and is asked at every exchange, so that a key replaced in its file is noticed."""

    def __init__(self, stub: "token_service_pb2_grpc.TokenServiceAsyncStub", read: Callable[[], str]) -> None:
        self._stub = stub
        self._read = read

    async def earn(self) -> AccessToken:
        """Exchanges the key."""
        return _access_token(await _issue(self._stub, token_service_pb2.IssueTokenRequest(api_key=self._read())))


def read_key_file(path: Path) -> str:
    """The API key in a file. Raises Unauthenticated when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Unauthenticated(f"the API key cannot be read: {error}", Detail("CREDENTIAL_INVALID")) from None


class AgentIdentity:
    """An agent's own identity: enrolled once, then kept alive by refresh tokens that replace each other.

    The file is written before and after every exchange. A process that is killed in between repeats the exchange
    under the same request_id and gets the same answer, so the agent never loses or doubles its identity.
    """

    def __init__(
        self,
        stub: "token_service_pb2_grpc.TokenServiceAsyncStub",
        file: IdentityFile,
        enrollment: EnrollmentSource,
    ) -> None:
        self._stub = stub
        self._file = file
        self._enrollment = enrollment

    async def earn(self) -> AccessToken:
        """Exchanges what is kept, or enrols when nothing is kept or what is kept is no longer accepted.

        Raises Unauthenticated when there is no accepted credential and no way to a new one.
        """
        async with self._file.held():
            kept = self._file.read()
            if kept is None:
                kept = await self._enrolled()
                if kept is None:
                    raise self._refused(f"the agent has no credential yet ({self._file.path} does not exist)")
                return await self._exchange(kept)
            try:
                return await self._exchange(kept)
            except Unauthenticated as error:
                anew = await self._enrolled()
                if anew is None or anew.secret == kept.secret:
                    raise self._refused(f"the credential in {self._file.path} is not accepted: {error}") from None
                _log.warning("the kept credential of %s is not accepted, enrolling anew: %s", kept.subject, error)
                return await self._exchange(anew)

    async def _enrolled(self) -> KeptIdentity | None:
        secret = await self._enrollment()
        return KeptIdentity("enrollment_token", secret) if secret else None

    async def _exchange(self, kept: KeptIdentity) -> AccessToken:
        if not kept.request_id:
            kept = replace(kept, request_id=str(uuid4()))
            self._file.write(kept)
        request = token_service_pb2.IssueTokenRequest(request_id=kept.request_id)
        setattr(request, kept.kind, kept.secret)
        token_set = await _issue(self._stub, request)
        self._file.write(KeptIdentity("refresh_token", token_set.refresh_token, subject=token_set.subject))
        return _access_token(token_set)

    @staticmethod
    def _refused(message: str) -> Unauthenticated:
        return Unauthenticated(f"{message}; give it a new enrolment token", Detail("CREDENTIAL_INVALID"))


async def create_enrollment_token(
    stub: "enrollment_service_pb2_grpc.EnrollmentServiceAsyncStub",
) -> str:
    """An enrolment token with the role `agent`, for a caller that may create one."""
    request = enrollment_service_pb2.CreateEnrollmentTokenRequest(request_id=str(uuid4()))
    response = await stub.CreateEnrollmentToken(request, timeout=_EXCHANGE_SECONDS)
    return response.secret


async def exchange(
    stub: "token_service_pb2_grpc.TokenServiceAsyncStub", asked: token_service_pb2.TokenExchange
) -> AccessToken:
    """What a token exchange gives. Raises Unauthenticated, PermissionDenied."""
    return _access_token(await _issue(stub, token_service_pb2.IssueTokenRequest(token_exchange=asked)))


async def _issue(
    stub: "token_service_pb2_grpc.TokenServiceAsyncStub", request: token_service_pb2.IssueTokenRequest
) -> token_pb2.TokenSet:
    try:
        return (await stub.IssueToken(request, timeout=_EXCHANGE_SECONDS)).token_set
    except grpc.aio.AioRpcError as error:
        raise error_of(error) from None


def _access_token(token_set: token_pb2.TokenSet) -> AccessToken:
    lifetime = token_set.access_expire_time.ToNanoseconds() / 1e9 - time.time()
    return AccessToken(token_set.access_token, lifetime, token_set.subject)
