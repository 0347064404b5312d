"""The example agents, in Python and in Node, which have nothing but a NATS client."""

import asyncio
import base64
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from harness.nats_agents import NatsSuite
from harness.repository import ROOT
from rookery.auth.v1 import token_service_pb2, token_service_pb2_grpc
from rookery.orchestrator.v1 import message_service_pb2, message_service_pb2_grpc, payload_pb2

FOLDER = ROOT / "examples" / "nats"
PYTHON = (sys.executable, str(FOLDER / "agent.py"))
NODE = ("node", str(FOLDER / "agent.mjs"))
_SECONDS = 20

NEEDS_NODE = pytest.mark.skipif(
    shutil.which("node") is None or not (FOLDER / "node_modules").is_dir(),
    reason="there is no Node, or its NATS client was not installed: `make setup` says why",
)

PROGRAMS = pytest.mark.parametrize(
    "program", [pytest.param(PYTHON, id="python"), pytest.param(NODE, id="node", marks=NEEDS_NODE)]
)


@asynccontextmanager
async def example(
    nats_suite: NatsSuite, program: tuple[str, ...], name: str, token: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program at work."""
    settings = {"ROOKERY_NATS_URL": nats_suite.url, "ROOKERY_ACCESS_TOKEN": token}
    process = await asyncio.create_subprocess_exec(
        *program,
        name,
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        ready = await asyncio.wait_for(process.stdout.readline(), _SECONDS)
        if ready != b"READY\n":
            _, errors = await process.communicate()
            raise AssertionError(errors.decode())
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ask(nats_suite: NatsSuite, name: str, text: str, **fields: str) -> str:
    """What the agent of a name answers over gRPC."""
    messages = message_service_pb2_grpc.MessageServiceStub(nats_suite.suite.channel("orchestrator"))
    request = message_service_pb2.RequestRequest(
        recipient_name=name, payload=payload_pb2.Payload(content_type="text/plain", data=text.encode()), **fields
    )
    answer = await messages.Request(request, metadata=await nats_suite.suite.administrator(), timeout=_SECONDS)
    return answer.reply.payload.data.decode()


async def refused(program: tuple[str, ...], url: str, token: str) -> str:
    """What the program says when it ends at once."""
    process = await asyncio.create_subprocess_exec(
        *program,
        "shouter",
        env={**os.environ, "ROOKERY_NATS_URL": url, "ROOKERY_ACCESS_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), _SECONDS)
    assert (process.returncode, out) == (1, b"")
    return errors.decode()


@PROGRAMS
@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "a.W10.c", "a.e30.c"])
async def test_an_example_agent_says_in_a_line_what_is_no_token(program: tuple[str, ...], token: str) -> None:
    said = await refused(program, "nats://127.0.0.1:1", token)
    assert said == "agent shouter: ROOKERY_ACCESS_TOKEN is not an access token\n"


@PROGRAMS
@pytest.mark.parametrize("url", ["nats://127.0.0.1:1", "nonsense:x"])
async def test_an_example_agent_says_in_a_line_that_there_is_no_nats(program: tuple[str, ...], url: str) -> None:
    claims = base64.urlsafe_b64encode(b'{"tenant": "default", "sub": "agent:a", "jti": "b"}').decode()
    said = await refused(program, url, f"a.{claims}.c")
    assert said.startswith("agent shouter: ")
    assert said.count("\n") == 1


@PROGRAMS
async def test_an_example_agent_says_in_a_line_that_its_token_is_good_no_more(
    nats_suite: NatsSuite, program: tuple[str, ...]
) -> None:
    token = (await nats_suite.enroll()).access_token
    tokens = token_service_pb2_grpc.TokenServiceStub(nats_suite.suite.channel("auth"))
    async with example(nats_suite, program, "shouter", token) as process:
        await tokens.RevokeToken(
            token_service_pb2.RevokeTokenRequest(token=token), metadata=await nats_suite.suite.administrator()
        )
        _, errors = await asyncio.wait_for(process.communicate(), _SECONDS)
        assert process.returncode == 1
    said = await refused(program, nats_suite.url, token)
    assert said.startswith("agent shouter: NATS does not let the access token in: ")
    for each in (errors.decode(), said):
        assert each.startswith("agent shouter: ")
        assert each.count("\n") == 1


@pytest.mark.capability("M8")
@PROGRAMS
async def test_an_example_agent_answers_over_plain_nats(nats_suite: NatsSuite, program: tuple[str, ...]) -> None:
    token = (await nats_suite.enroll()).access_token
    async with example(nats_suite, program, "shouter", token) as process:
        assert await ask(nats_suite, "shouter", "hello") == "HELLO"
        for number in range(40):
            assert await ask(nats_suite, "shouter", f"no {number}") == f"NO {number}"
        assert await ask(nats_suite, "shouter", "enough", type="stop") == "ENOUGH"
        assert await asyncio.wait_for(process.wait(), _SECONDS) == 0
