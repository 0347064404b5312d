"""A revocation holds in every service: in one that runs, in one that was down, in one that is cut off from auth."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import grpc
import pytest
from harness.eventually import eventually
from harness.refusal import read_refusal, refusal
from harness.suite import Suite
from rookery.auth.v1 import (
    api_key_service_pb2,
    api_key_service_pb2_grpc,
    key_service_pb2,
    key_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
)
from rookery.orchestrator.v1 import task_service_pb2, task_service_pb2_grpc
from rookery.registry.v1 import agent_service_pb2, agent_service_pb2_grpc
from rookery.tool_executor.v1 import tool_service_pb2, tool_service_pb2_grpc

Bearer = tuple[tuple[str, str], ...]
Read = Callable[[Suite, Bearer], Awaitable[Any]]
STALE_SECONDS = 4.0
PROMISED_SECONDS = 2.0


def _auth(suite: Suite, bearer: Bearer) -> Awaitable[Any]:
    stub: Any = api_key_service_pb2_grpc.ApiKeyServiceStub(suite.channel("auth"))
    return stub.ListApiKeys(api_key_service_pb2.ListApiKeysRequest(), metadata=bearer, timeout=10)  # type: ignore[no-any-return]


def _registry(suite: Suite, bearer: Bearer) -> Awaitable[Any]:
    stub: Any = agent_service_pb2_grpc.AgentServiceStub(suite.channel("registry"))
    return stub.ListAgents(agent_service_pb2.ListAgentsRequest(), metadata=bearer, timeout=10)  # type: ignore[no-any-return]


def _orchestrator(suite: Suite, bearer: Bearer) -> Awaitable[Any]:
    stub: Any = task_service_pb2_grpc.TaskServiceStub(suite.channel("orchestrator"))
    return stub.ListTasks(task_service_pb2.ListTasksRequest(), metadata=bearer, timeout=10)  # type: ignore[no-any-return]


def _tool_executor(suite: Suite, bearer: Bearer) -> Awaitable[Any]:
    stub: Any = tool_service_pb2_grpc.ToolServiceStub(suite.channel("tool_executor"))
    return stub.ListExecutions(tool_service_pb2.ListExecutionsRequest(), metadata=bearer, timeout=10)  # type: ignore[no-any-return]


READS: dict[str, Read] = {
    "auth": _auth,
    "registry": _registry,
    "orchestrator": _orchestrator,
    "tool_executor": _tool_executor,
}


async def key_of(suite: Suite, subject: str) -> tuple[str, Bearer]:
    """A new API key of a subject that may do all, and a token that it has earned."""
    administrator = await suite.administrator()
    keys: Any = api_key_service_pb2_grpc.ApiKeyServiceStub(suite.channel("auth"))
    request = api_key_service_pb2.CreateApiKeyRequest(display_name="for a test", subject=subject, roles=["admin"])
    created = await keys.CreateApiKey(request, metadata=administrator)
    tokens: Any = token_service_pb2_grpc.TokenServiceStub(suite.channel("auth"))
    issued = await tokens.IssueToken(token_service_pb2.IssueTokenRequest(api_key=created.secret))
    return created.api_key.id, (("authorization", f"Bearer {issued.token_set.access_token}"),)


async def revoke(suite: Suite, subject: str) -> None:
    tokens: Any = token_service_pb2_grpc.TokenServiceStub(suite.channel("auth"))
    request = token_service_pb2.RevokeTokenRequest(subject=subject)
    await tokens.RevokeToken(request, metadata=await suite.administrator())


async def refused_as(suite: Suite, service: str, bearer: Bearer) -> str:
    """The reason for which a service refuses; empty when it serves."""
    try:
        await READS[service](suite, bearer)
    except grpc.aio.AioRpcError as error:
        return read_refusal(error).reason
    return ""


async def refused_by(suite: Suite, bearer: Bearer, *services: str, reason: str = "TOKEN_REVOKED") -> None:
    """Returns once each of these refuses the token, as it is to within the time that is promised."""

    async def refused(service: str) -> bool:
        return await refused_as(suite, service, bearer) == reason

    await asyncio.gather(*(eventually(partial(refused, each), within=PROMISED_SECONDS) for each in services))


@pytest.mark.capability("A2")
async def test_every_service_refuses_a_revoked_subject_also_one_that_was_down(suite: Suite) -> None:
    _, bearer = await key_of(suite, "user:jane")
    _, bystander = await key_of(suite, "user:joe")
    for service in READS:
        assert await refused_as(suite, service, bearer) == ""
    await suite.kill("registry")
    await revoke(suite, "user:jane")

    await refused_by(suite, bearer, "auth", "orchestrator", "tool_executor")
    await suite.start("registry")
    # It knew before it served its first call.
    assert await refused_as(suite, "registry", bearer) == "TOKEN_REVOKED"
    for service in READS:
        assert await refused_as(suite, service, bystander) == ""


@pytest.mark.capability("A4")
async def test_a_revoked_api_key_takes_its_tokens_with_it_and_earns_no_more(suite: Suite) -> None:
    key_id, bearer = await key_of(suite, "user:jane")
    assert await refused_as(suite, "registry", bearer) == ""
    keys: Any = api_key_service_pb2_grpc.ApiKeyServiceStub(suite.channel("auth"))
    request = api_key_service_pb2.RevokeApiKeyRequest(api_key_id=key_id)
    await keys.RevokeApiKey(request, metadata=await suite.administrator())
    await refused_by(suite, bearer, *READS)


async def _end_subject(suite: Suite, administrator: Bearer, _: str) -> None:
    tokens: Any = token_service_pb2_grpc.TokenServiceStub(suite.channel("auth"))
    await tokens.RevokeToken(token_service_pb2.RevokeTokenRequest(subject="user:jane"), metadata=administrator)


async def _end_api_key(suite: Suite, administrator: Bearer, key_id: str) -> None:
    keys: Any = api_key_service_pb2_grpc.ApiKeyServiceStub(suite.channel("auth"))
    await keys.RevokeApiKey(api_key_service_pb2.RevokeApiKeyRequest(api_key_id=key_id), metadata=administrator)


async def _end_signing_key(suite: Suite, administrator: Bearer, _: str) -> None:
    keys: Any = key_service_pb2_grpc.KeyServiceStub(suite.channel("auth"))
    await keys.RotateSigningKey(key_service_pb2.RotateSigningKeyRequest(compromised=True), metadata=administrator)


@pytest.mark.capability("A2")
@pytest.mark.parametrize(
    ("end", "reason"),
    [(_end_subject, "TOKEN_REVOKED"), (_end_api_key, "TOKEN_REVOKED"), (_end_signing_key, "TOKEN_INVALID")],
)
async def test_every_service_refuses_what_was_revoked_though_auth_dies_as_it_answers_and_stays_away(
    suite: Suite, end: Callable[[Suite, Bearer, str], Awaitable[None]], reason: str
) -> None:
    key_id, bearer = await key_of(suite, "user:jane")
    others = [service for service in READS if service != "auth"]
    for service in others:
        assert await refused_as(suite, service, bearer) == ""
    administrator, auth = await suite.administrator(), suite.pid("auth")
    await end(suite, administrator, key_id)
    os.kill(auth, signal.SIGKILL)
    await refused_by(suite, bearer, *others, reason=reason)


async def test_an_open_stream_ends_when_its_token_is_revoked(suite: Suite) -> None:
    _, bearer = await key_of(suite, "user:jane")
    tasks: Any = task_service_pb2_grpc.TaskServiceStub(suite.channel("orchestrator"))
    created = await tasks.CreateTask(
        task_service_pb2.CreateTaskRequest(title="waits", capability="nobody-has-it"), metadata=bearer
    )
    watching = tasks.WatchTask(task_service_pb2.WatchTaskRequest(task_id=created.task.id), metadata=bearer)
    await watching.read()
    await revoke(suite, "user:jane")

    async def ended() -> None:
        while await watching.read() is not grpc.aio.EOF:
            pass

    assert (await refusal(ended())).reason == "TOKEN_REVOKED"


@pytest.mark.capability("A3")
async def test_an_open_stream_ends_when_the_key_of_its_token_is_compromised(suite: Suite) -> None:
    _, bearer = await key_of(suite, "user:jane")
    tasks: Any = task_service_pb2_grpc.TaskServiceStub(suite.channel("orchestrator"))
    created = await tasks.CreateTask(
        task_service_pb2.CreateTaskRequest(title="waits", capability="nobody-has-it"), metadata=bearer
    )
    watching = tasks.WatchTask(task_service_pb2.WatchTaskRequest(task_id=created.task.id), metadata=bearer)
    await watching.read()
    keys: Any = key_service_pb2_grpc.KeyServiceStub(suite.channel("auth"))
    request = key_service_pb2.RotateSigningKeyRequest(compromised=True)
    await keys.RotateSigningKey(request, metadata=await suite.administrator())

    async def ended() -> None:
        while await watching.read() is not grpc.aio.EOF:
            pass

    assert (await refusal(asyncio.wait_for(ended(), 10))).reason == "TOKEN_INVALID"

    async def served_with_the_new_key() -> bool:
        _, anew = await key_of(suite, "user:jane")
        return await refused_as(suite, "orchestrator", anew) == ""

    await eventually(served_with_the_new_key, retry=(grpc.aio.AioRpcError,))


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return {"tool_executor": {"IDENTITY_STALE_SECONDS": str(STALE_SECONDS)}}


async def test_a_service_that_has_not_heard_auth_for_too_long_refuses_until_it_does(suite: Suite) -> None:
    _, bearer = await key_of(suite, "user:jane")
    await suite.kill("auth")
    # What it knows is good for a while.
    assert await refused_as(suite, "tool_executor", bearer) == ""

    async def stale() -> bool:
        return await refused_as(suite, "tool_executor", bearer) == "IDENTITY_STALE"

    await eventually(stale, within=30)
    assert (await refusal(_tool_executor(suite, bearer))).retry_after is not None
    # Another, with more patience, goes on.
    assert await refused_as(suite, "registry", bearer) == ""
    await suite.start("auth")

    async def served() -> bool:
        return await refused_as(suite, "tool_executor", bearer) == ""

    await eventually(served, within=30)
