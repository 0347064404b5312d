"""Every method of every service, called as every built-in role, against `rookery roles matrix`."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from harness.command_line import CommandLine, write_context
from harness.refusal import read_refusal
from harness.suite import Bearer, Suite
from rookery.auth.v1 import (
    enrollment_service_pb2,
    enrollment_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
)
from rookery_kit.built_in_roles import BUILT_IN_ROLES
from rookery_kit.contract import DeclaredMethod, declared_methods

FAULTS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED}
ANSWERED = "answered"


async def token_of(suite: Suite, role: str, administrator: Bearer) -> Bearer:
    channel = suite.channel("auth")
    request = enrollment_service_pb2.CreateEnrollmentTokenRequest(roles=[role])
    stub = enrollment_service_pb2_grpc.EnrollmentServiceStub(channel)
    secret = (await stub.CreateEnrollmentToken(request, metadata=administrator)).secret
    exchange = token_service_pb2.IssueTokenRequest(enrollment_token=secret)
    tokens = (await token_service_pb2_grpc.TokenServiceStub(channel).IssueToken(exchange)).token_set
    return (("authorization", f"Bearer {tokens.access_token}"),)


async def outcome(suite: Suite, method: DeclaredMethod, metadata: Bearer) -> tuple[grpc.StatusCode, str]:
    """What a call with an empty request comes to: its status and reason. Streams are given a moment to refuse."""
    descriptor = descriptor_pool.Default().FindServiceByName(method.service).FindMethodByName(method.name)
    channel: Any = suite.channel(method.service.split(".")[1])
    path = f"/{method.full_name}"
    try:
        if descriptor.client_streaming:
            call = channel.stream_stream(path)(_nothing(), metadata=metadata, timeout=5)
            async for _ in call:
                break
        elif descriptor.server_streaming:
            call = channel.unary_stream(path)(b"", metadata=metadata, timeout=1)
            async for _ in call:
                break
            call.cancel()
        else:
            await channel.unary_unary(path)(b"", metadata=metadata, timeout=10)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            # A watch with nothing to tell, which therefore was admitted.
            return error.code(), ANSWERED
        return error.code(), read_refusal(error).reason
    return grpc.StatusCode.OK, ANSWERED


async def _nothing() -> AsyncIterator[bytes]:
    for frame in list[bytes]():
        yield frame


@pytest.mark.capability("A5")
async def test_every_method_admits_the_roles_that_the_matrix_names_and_no_other(suite: Suite, tmp_path: Path) -> None:
    matrix = (await CommandLine(tmp_path, write_context(suite))("roles", "matrix", "--json")).json
    assert matrix["roles"] == list(BUILT_IN_ROLES)
    methods = declared_methods()
    assert [each["method"] for each in matrix["methods"]] == [method.full_name for method in methods]
    admitted = {each["method"]: set(each["roles"]) for each in matrix["methods"]}
    administrator = await suite.administrator()
    wrong: list[str] = []
    for role in BUILT_IN_ROLES:
        # One token for each call: what one of them does, such as revoking, must not bear on the next.
        for start in range(0, len(methods), 8):
            batch = methods[start : start + 8]
            tokens = await asyncio.gather(*(token_of(suite, role, administrator) for _ in batch))
            answers = await asyncio.gather(
                *(outcome(suite, method, token) for method, token in zip(batch, tokens, strict=True))
            )
            for method, (code, reason) in zip(batch, answers, strict=True):
                denied = (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
                if denied == (role in admitted[method.full_name]) or code in FAULTS:
                    wrong.append(f"{role} {method.full_name}: {code.name}/{reason}")
    assert wrong == []


@pytest.mark.capability("A5")
async def test_the_matrix_is_printed_without_a_suite_and_with_the_tenants_own_roles(
    suite: Suite, tmp_path: Path
) -> None:
    alone = await CommandLine(tmp_path)("roles", "matrix")
    assert alone.code == 0
    assert "built-in roles alone" in alone.err
    listing = next(line for line in alone.lines if line.startswith("AgentService/ListAgents"))
    assert listing.split()[1:] == ["agents:read", *["yes"] * len(BUILT_IN_ROLES)]
    deletion = next(line for line in alone.lines if line.startswith("TenantService/DeleteTenant"))
    assert deletion.split()[1:] == ["tenants:delete", "@default", "yes", *["-"] * (len(BUILT_IN_ROLES) - 1)]
    rookery = CommandLine(tmp_path, write_context(suite))
    assert (await rookery("roles", "create", "scribe", "-p", "agents:*")).code == 0
    matrix = (await rookery("roles", "matrix", "--json")).json
    assert matrix["roles"] == [*BUILT_IN_ROLES, "scribe"]
    may = [each["method"] for each in matrix["methods"] if "scribe" in each["roles"] and not each["public"]]
    assert may
    assert all(method.startswith("rookery.registry.v1.AgentService/") for method in may)
