import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from harness.command_line import write_context
from harness.eventually import eventually
from harness.sdk_agents import agent_process, context_of, find_agent, online, serving
from harness.suite import Suite
from rookery.auth.v1 import enrollment_service_pb2, token_service_pb2, token_service_pb2_grpc
from rookery.orchestrator.v1 import task_pb2
from rookery.registry.v1 import agent_service_pb2
from rookery_sdk import Agent, AlreadyExists, Client, SessionSuperseded, SuiteContext, TaskContext, Unauthenticated
from rookery_sdk.kept_identity import IdentityFile, KeptIdentity

UNHEARD = "6f1c2b9e-3d51-4c1c-9d57-0d8f3f1f6a11"


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        yield connected


def without_key(suite: Suite) -> SuiteContext:
    """The suite as seen from a machine that does not have the administrator's key."""
    known = context_of(suite)
    return SuiteContext(known.auth, known.registry, known.orchestrator, known.tool_executor, folder=suite.folder)


def idle_agent(suite: Suite, name: str = "comer", **options: object) -> Agent:
    agent = Agent(name, **{"context": context_of(suite), **options})  # type: ignore[arg-type]

    @agent.task("idle")
    async def idle(_ctx: TaskContext, _input: object) -> None: ...

    return agent


@pytest.mark.capability("A1")
async def test_an_agent_comes_back_as_the_same_agent(suite: Suite, client: Client) -> None:
    async with serving(idle_agent(suite)):
        first = await online(client, "comer")
    async with serving(idle_agent(suite)):
        second = await online(client, "comer", after_epoch=first.session_epoch)
    assert second.id == first.id
    assert first.subject == f"agent:{first.id}"


@pytest.mark.capability("A1")
async def test_an_enrolment_token_makes_an_agent_where_there_is_no_key(
    suite: Suite, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = (
        await client.enrollments.CreateEnrollmentToken(
            enrollment_service_pb2.CreateEnrollmentTokenRequest(labels={"team": "a"})
        )
    ).secret
    with pytest.raises(Unauthenticated, match="enrolment token"):
        await idle_agent(suite, context=without_key(suite)).serve()
    monkeypatch.setenv("ROOKERY_ENROLLMENT_TOKEN", secret)
    async with serving(idle_agent(suite, context=without_key(suite))):
        assert (await online(client, "comer")).labels["team"] == "a"
    with pytest.raises(Unauthenticated, match="CREDENTIAL_INVALID"):
        await idle_agent(suite, "another", context=without_key(suite)).serve()


@pytest.mark.capability("A2")
async def test_an_exchange_whose_answer_was_lost_is_answered_again(suite: Suite, client: Client) -> None:
    tokens = token_service_pb2_grpc.TokenServiceStub(suite.channel("auth"))
    file = IdentityFile(suite.folder / "agents", "comer")
    request = enrollment_service_pb2.CreateEnrollmentTokenRequest()
    kept = KeptIdentity("enrollment_token", (await client.enrollments.CreateEnrollmentToken(request)).secret, UNHEARD)
    async with file.held():
        file.write(kept)
    unheard = await tokens.IssueToken(
        token_service_pb2.IssueTokenRequest(enrollment_token=kept.secret, request_id=kept.request_id)
    )
    async with serving(idle_agent(suite)):
        assert (await online(client, "comer")).subject == unheard.token_set.subject
    refreshing = file.read()
    assert refreshing is not None
    file.write(replace(refreshing, request_id=UNHEARD))
    await tokens.IssueToken(token_service_pb2.IssueTokenRequest(refresh_token=refreshing.secret, request_id=UNHEARD))
    async with serving(idle_agent(suite)):
        assert (await online(client, "comer")).subject == unheard.token_set.subject


async def test_an_agent_that_is_taken_over_stops_and_does_not_fight(suite: Suite, client: Client) -> None:
    first = asyncio.create_task(idle_agent(suite).serve())
    before = await online(client, "comer")
    async with serving(idle_agent(suite)):
        with pytest.raises(SessionSuperseded):
            await asyncio.wait_for(first, 20)
        after = await online(client, "comer")
    assert after.id == before.id
    assert after.session_epoch > before.session_epoch


async def test_a_name_that_another_agent_holds_is_refused(suite: Suite, client: Client, tmp_path: Path) -> None:
    async with serving(idle_agent(suite)):
        await online(client, "comer")
        with pytest.raises(AlreadyExists, match="AGENT_NAME_TAKEN"):
            await idle_agent(suite, state_dir=tmp_path).serve()


async def test_an_agent_that_was_deregistered_registers_again(suite: Suite, client: Client) -> None:
    async with serving(idle_agent(suite)):
        before = await online(client, "comer")
        await client.agents.DeregisterAgent(agent_service_pb2.DeregisterAgentRequest(agent_id=before.id))
        assert await find_agent(client, "comer") is None
        after = await online(client, "comer")
        assert after.id == before.id
        task = await client.wait((await client.create_task("idle")).id, timeout=20)
        assert task.state == task_pb2.TASK_STATE_COMPLETED


PROGRAM = """
from rookery_sdk import Agent

agent = Agent("phoenix")

@agent.task("rise")
async def rise(ctx, _input):
    return ctx.task.attempts

agent.run()
"""


@pytest.fixture
def program(suite: Suite) -> tuple[Path, Path]:
    """The program of an agent, and the context file it is to use."""
    path = suite.folder / "phoenix.py"
    path.write_text(PROGRAM)
    return path, write_context(suite)


@pytest.mark.capability("O2")
async def test_an_agent_that_is_killed_again_and_again_stays_the_same_agent(
    suite: Suite, client: Client, program: tuple[Path, Path]
) -> None:
    async with agent_process(*program) as process:
        first = await online(client, "phoenix")
        epoch = first.session_epoch
        for _ in range(3):
            await process.kill()
            await process.start()
            again = await online(client, "phoenix", after_epoch=epoch)
            assert again.id == first.id
            epoch = again.session_epoch
        task = await client.wait((await client.create_task("rise")).id, timeout=20)
        assert task.agent_id == first.id
        assert await process.stop() == (0, "")


async def test_a_program_that_is_taken_over_ends_with_a_line(
    suite: Suite, client: Client, program: tuple[Path, Path]
) -> None:
    async with agent_process(*program) as first:
        session = await online(client, "phoenix")
        async with agent_process(*program):
            await online(client, "phoenix", after_epoch=session.session_epoch)
            code, errors = await first.ended()
    assert code == 1
    assert errors.splitlines()[-1].startswith("agent phoenix: ")
    assert "(SESSION_SUPERSEDED)" in errors
    assert "Traceback" not in errors


@pytest.mark.capability("A2")
async def test_a_token_that_is_no_longer_accepted_is_replaced_and_the_call_repeated(
    suite: Suite, client: Client
) -> None:
    token = await client.access.current()
    # As if it had run out: a token that no service accepts.
    object.__setattr__(token, "value", f"{token.value}x")
    assert await eventually(lambda: client.agents.ListAgents(agent_service_pb2.ListAgentsRequest())) is not None
    assert (await client.access.current()) is not token
