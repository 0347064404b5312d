import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from harness.eventually import eventually
from harness.sdk_agents import context_of, online, serving
from harness.suite import Suite
from rookery.orchestrator.v1 import task_pb2, task_service_pb2
from rookery.registry.v1 import agent_pb2, agent_service_pb2
from rookery_sdk import Agent, Client, Fail, FailedPrecondition, Reject, TaskContext, decode


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        yield connected


@pytest.mark.capability("O1")
@pytest.mark.capability("O2")
@pytest.mark.capability("G5")
async def test_an_agent_of_ten_lines_does_the_work_of_its_capability(suite: Suite, client: Client) -> None:
    agent = Agent("adder", ["add"], context=context_of(suite))

    @agent.task("add")
    async def add(ctx: TaskContext, numbers: list[int]) -> dict[str, object]:
        return {"sum": sum(numbers), "title": ctx.task.title}

    async with serving(agent):
        created = [await client.create_task("add", [n, 1], title=f"task {n}") for n in range(20)]
        ended = await asyncio.gather(*(client.wait(task.id, timeout=20) for task in created))
    assert {task.state for task in ended} == {task_pb2.TASK_STATE_COMPLETED}
    assert [decode(task.output) for task in ended] == [{"sum": n + 1, "title": f"task {n}"} for n in range(20)]


async def test_what_goes_in_and_out_keeps_its_type(suite: Suite, client: Client) -> None:
    agent = Agent("mirror", context=context_of(suite))

    @agent.task("mirror")
    async def mirror(_ctx: TaskContext, value: object) -> object:
        return value

    values: list[Any] = [None, "text", b"\x00bytes", {"nested": [1, None]}, [], 3.5, True]
    async with serving(agent):
        created = [await client.create_task("mirror", value) for value in values]
        assert [decode((await client.wait(task.id, timeout=20)).output) for task in created] == values


async def test_progress_is_seen_by_who_watches(suite: Suite, client: Client) -> None:
    agent = Agent("reader", context=context_of(suite))
    seen = asyncio.Event()

    @agent.task("read")
    async def read(ctx: TaskContext, _input: object) -> None:
        await ctx.progress(0.5, "half-way")
        await seen.wait()

    async with serving(agent):
        task = await client.create_task("read")
        async for state in client.watch(task.id):
            if (state.progress, state.progress_message) == (0.5, "half-way"):
                seen.set()
    assert seen.is_set()


async def test_a_handler_that_fails_is_tried_again(suite: Suite, client: Client) -> None:
    agent = Agent("flaky", context=context_of(suite))

    @agent.task("try")
    async def attempt(ctx: TaskContext, _input: object) -> int:
        if ctx.task.attempts < 3:
            raise OSError("not yet")
        return ctx.task.attempts

    async with serving(agent):
        task = await client.wait((await client.create_task("try")).id, timeout=30)
        assert decode(task.output) == 3
        history = (await client.tasks.GetTask(task_service_pb2.GetTaskRequest(task_id=task.id))).task.attempt_history
    assert [each.error_message for each in history] == ["OSError: not yet", "OSError: not yet", ""]


async def test_a_handler_may_say_that_another_attempt_is_of_no_use(suite: Suite, client: Client) -> None:
    agent = Agent("choosy", context=context_of(suite))

    @agent.task("open")
    async def open_file(_ctx: TaskContext, name: str) -> None:
        if name == "missing":
            raise Fail("there is no such file", reason="NO_SUCH_FILE")
        raise Reject("I only open missing files")

    async with serving(agent):
        failed = await client.wait((await client.create_task("open", "missing")).id, timeout=20)
        rejected = await client.wait((await client.create_task("open", "other")).id, timeout=20)
    assert (failed.state, failed.error.reason, failed.attempts) == (task_pb2.TASK_STATE_FAILED, "NO_SUCH_FILE", 1)
    assert (rejected.state, rejected.error.message) == (task_pb2.TASK_STATE_REJECTED, "I only open missing files")


@pytest.mark.capability("O2")
async def test_a_handler_may_fail_with_words_that_cannot_be_sent(suite: Suite, client: Client) -> None:
    agent = Agent("choosy", context=context_of(suite))

    @agent.task("open")
    async def open_file(_ctx: TaskContext, name: str) -> None:
        raise Fail(f"{name}: " + {"half": "caf\udce9", "nul": "a\0b"}[name])

    async with serving(agent):
        tasks = [await client.create_task("open", name) for name in ("half", "nul")]
        ended = [await client.wait(task.id, timeout=20) for task in tasks]
    assert [task.error.message for task in ended] == [r"half: caf\udce9", r"nul: a\0b"]


async def test_a_cancelled_task_cancels_its_handler(suite: Suite, client: Client) -> None:
    agent = Agent("sleeper", context=context_of(suite))
    begun, cancelled = asyncio.Event(), asyncio.Event()

    @agent.task("sleep")
    async def sleep(_ctx: TaskContext, _input: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serving(agent):
        task = await client.create_task("sleep")
        await asyncio.wait_for(begun.wait(), 20)
        await client.tasks.CancelTask(task_service_pb2.CancelTaskRequest(task_id=task.id))
        await asyncio.wait_for(cancelled.wait(), 20)
        assert (await client.wait(task.id)).state == task_pb2.TASK_STATE_CANCELED
        with pytest.raises(FailedPrecondition, match="TASK_ENDED"):
            await client.tasks.CancelTask(task_service_pb2.CancelTaskRequest(task_id=task.id))


@pytest.mark.capability("O2")
async def test_an_agent_that_stops_gives_back_what_it_cannot_finish_and_that_counts_as_no_attempt(
    suite: Suite, client: Client
) -> None:
    leaving = Agent("leaving", context=context_of(suite), stop_grace=0.1)
    staying = Agent("staying", context=context_of(suite))
    begun = asyncio.Event()

    @leaving.task("work")
    async def never_ends(_ctx: TaskContext, _input: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    @staying.task("work")
    async def work(_ctx: TaskContext, _input: object) -> str:
        return "done"

    async with serving(leaving):
        # A lease of an hour: were it not given back, nobody else would get the task in the time of this test.
        request = task_service_pb2.CreateTaskRequest(capability="work", lease_duration={"seconds": 3600})
        task = (await client.tasks.CreateTask(request)).task
        await asyncio.wait_for(begun.wait(), 20)
    async with serving(staying):
        ended = await client.wait(task.id, timeout=20)
    assert (decode(ended.output), ended.attempts) == ("done", 1)
    outcomes = (await client.tasks.GetTask(task_service_pb2.GetTaskRequest(task_id=task.id))).task.attempt_history
    assert [each.outcome for each in outcomes] == [
        task_pb2.ATTEMPT_OUTCOME_RELEASED,
        task_pb2.ATTEMPT_OUTCOME_COMPLETED,
    ]


async def test_an_agent_lets_its_handlers_finish_when_it_stops(suite: Suite, client: Client) -> None:
    agent = Agent("thorough", context=context_of(suite))
    begun, may_end = asyncio.Event(), asyncio.Event()

    @agent.task("work")
    async def work(_ctx: TaskContext, _input: object) -> str:
        begun.set()
        await may_end.wait()
        return "finished"

    async with serving(agent):
        task = await client.create_task("work")
        await asyncio.wait_for(begun.wait(), 20)
        agent.stop()
        may_end.set()
    assert decode((await client.wait(task.id, timeout=5)).output) == "finished"


async def test_a_handler_can_ask_other_agents_for_work_and_wait_for_it(suite: Suite, client: Client) -> None:
    chief, worker = Agent("chief", context=context_of(suite)), Agent("worker", context=context_of(suite))

    @chief.task("total")
    async def total(ctx: TaskContext, numbers: list[int]) -> int:
        parts = [await ctx.create_task("square", number) for number in numbers]
        return sum([decode((await ctx.wait(part.id)).output) for part in parts])

    @worker.task("square")
    async def square(_ctx: TaskContext, number: int) -> int:
        return number * number

    async with serving(chief, worker):
        task = await client.create_task("total", [1, 2, 3])
        assert decode((await client.wait(task.id, timeout=20)).output) == 14


async def test_an_agent_takes_no_more_than_its_concurrency_at_a_time(suite: Suite, client: Client) -> None:
    agent = Agent("busy", context=context_of(suite), concurrency=2)
    running: set[str] = set()
    most = 0
    may_end = asyncio.Event()

    @agent.task("work")
    async def work(ctx: TaskContext, _input: object) -> None:
        nonlocal most
        running.add(ctx.task.id)
        most = max(most, len(running))
        await may_end.wait()
        running.discard(ctx.task.id)

    async with serving(agent):
        tasks = [await client.create_task("work") for _ in range(6)]
        await eventually(lambda: len(running) == 2)
        may_end.set()
        await asyncio.gather(*(client.wait(task.id, timeout=20) for task in tasks))
    assert most == 2


@pytest.mark.capability("R2")
async def test_an_agent_is_online_while_it_serves_and_offline_as_soon_as_it_has_stopped(
    suite: Suite, client: Client
) -> None:
    agent = Agent("present", ["idle"], context=context_of(suite), description="Is there.", labels={"team": "a"})

    @agent.task("idle")
    async def idle(_ctx: TaskContext, _input: object) -> None: ...

    async with serving(agent):
        seen = await online(client, "present")
        assert (list(seen.capabilities), seen.description, dict(seen.labels)) == (["idle"], "Is there.", {"team": "a"})
    left = (await client.agents.GetAgent(agent_service_pb2.GetAgentRequest(agent_id=seen.id))).agent
    assert left.status == agent_pb2.AGENT_STATUS_OFFLINE
