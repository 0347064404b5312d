"""The example agents, in Python and in Node, which have nothing but a NATS client."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from harness.nats_agents import NatsSuite
from harness.repository import ROOT
from rookery.orchestrator.v1 import message_service_pb2, message_service_pb2_grpc, payload_pb2

FOLDER = ROOT / "examples" / "nats"
PYTHON = (sys.executable, str(FOLDER / "agent.py"))
NODE = ("node", str(FOLDER / "agent.mjs"))
_SECONDS = 20

NEEDS_NODE = pytest.mark.skipif(
    shutil.which("node") is None or not (FOLDER / "node_modules").is_dir(),
    reason="there is no Node, or its NATS client was not installed: `make setup` says why",
)


@asynccontextmanager
async def example(
    nats_suite: NatsSuite, program: tuple[str, ...], name: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program at work."""
    token_set = await nats_suite.enroll()
    settings = {"ROOKERY_NATS_URL": nats_suite.url, "ROOKERY_ACCESS_TOKEN": token_set.access_token}
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


@pytest.mark.capability("M8")
@pytest.mark.parametrize(
    "program", [pytest.param(PYTHON, id="python"), pytest.param(NODE, id="node", marks=NEEDS_NODE)]
)
async def test_an_example_agent_answers_over_plain_nats(nats_suite: NatsSuite, program: tuple[str, ...]) -> None:
    async with example(nats_suite, program, "shouter") as process:
        assert await ask(nats_suite, "shouter", "hello") == "HELLO"
        for number in range(40):
            assert await ask(nats_suite, "shouter", f"no {number}") == f"NO {number}"
        assert await ask(nats_suite, "shouter", "enough", type="stop") == "ENOUGH"
        assert await asyncio.wait_for(process.wait(), _SECONDS) == 0
