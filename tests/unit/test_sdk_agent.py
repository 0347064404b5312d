import asyncio
from pathlib import Path

import pytest
from harness.free_ports import free_address
from rookery_sdk import Agent, ContextNotFound, SuiteContext


async def nothing(_ctx: object, _input: object) -> None:
    """A handler that does nothing."""


@pytest.mark.parametrize("name", ["", "Upper", "9lives", "a b", "../etc", "x" * 64])
def test_a_name_that_the_registry_would_refuse_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="is not a name"):
        Agent(name)


def test_a_capability_has_one_handler() -> None:
    agent = Agent("a")
    agent.task("sum")(nothing)
    with pytest.raises(ValueError, match="already has a handler"):
        agent.task("sum")


def test_there_is_one_message_handler() -> None:
    agent = Agent("a")
    agent.message(nothing)
    with pytest.raises(ValueError, match="already"):
        agent.message(nothing)


def test_a_handler_that_would_block_everything_is_refused() -> None:
    def blocking(_ctx: object, _input: object) -> None: ...

    with pytest.raises(TypeError, match="to_thread"):
        Agent("a").task("sum")(blocking)  # type: ignore[arg-type]


@pytest.mark.parametrize("concurrency", [0, -1, 10_001])
def test_concurrency_has_bounds(concurrency: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 10,000"):
        Agent("a", concurrency=concurrency)


async def test_a_capability_without_handler_is_told_before_anything_is_connected() -> None:
    with pytest.raises(ValueError, match="translate"):
        await Agent("a", ["translate"]).serve()


async def test_a_handler_for_a_capability_that_is_not_listed_is_told_before_anything_is_connected() -> None:
    agent = Agent("a", [])
    agent.task("sum")(nothing)
    with pytest.raises(ValueError, match="sum"):
        await agent.serve()


async def test_without_a_suite_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(ContextNotFound, match="rookery up"):
        await Agent("a", context=tmp_path / "context.json").serve()


def test_run_ends_with_a_line_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^agent a: no suite is known at .*context\.json; start one with"):
        Agent("a", context=tmp_path / "context.json").run()


async def test_an_agent_that_waits_for_its_suite_can_be_stopped(tmp_path: Path) -> None:
    nobody = free_address()
    nowhere = SuiteContext(nobody, nobody, nobody, nobody, folder=tmp_path)
    agent = Agent("a", context=nowhere, enrollment_token="rke_x")
    serving = asyncio.create_task(agent.serve())
    await asyncio.wait({serving}, timeout=0.2)
    assert not serving.done()
    agent.stop()
    await asyncio.wait_for(serving, 2)


def test_stopping_an_agent_that_does_not_run_does_nothing() -> None:
    Agent("a").stop()
