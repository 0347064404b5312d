"""Agents and clients of the SDK against the suite of a test."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from rookery.registry.v1 import agent_pb2, agent_service_pb2
from rookery_sdk import Agent, Client, SuiteContext

from harness.eventually import eventually
from harness.suite import Suite


def context_of(suite: Suite) -> SuiteContext:
    """Where the suite of this test is, with the administrator's key."""
    return SuiteContext(
        auth=suite.address("auth"),
        registry=suite.address("registry"),
        orchestrator=suite.address("orchestrator"),
        tool_executor=suite.address("tool_executor"),
        credential=suite.folder / "admin.credential",
        folder=suite.folder,
    )


async def find_agent(client: Client, name: str) -> agent_pb2.Agent | None:
    """The agent of that name, if one is registered."""
    answer = await client.agents.ListAgents(agent_service_pb2.ListAgentsRequest(name=name))
    return answer.agents[0] if answer.agents else None


async def online(client: Client, name: str, after_epoch: int = 0) -> agent_pb2.Agent:
    """The agent once it is ONLINE, in a session later than the given one."""

    async def look() -> agent_pb2.Agent | None:
        agent = await find_agent(client, name)
        if agent is None or agent.status != agent_pb2.AGENT_STATUS_ONLINE:
            return None
        return agent if agent.session_epoch > after_epoch else None

    agent = await eventually(look)
    assert agent is not None
    return agent


@asynccontextmanager
async def serving(*agents: Agent) -> AsyncIterator[None]:
    """The agents at work, in this process; stopped gracefully at the end of the block. Raises what ended one before."""
    tasks = [asyncio.create_task(agent.serve()) for agent in agents]
    try:
        yield
    finally:
        for agent in agents:
            agent.stop()
        await asyncio.gather(*tasks)


class AgentProcess:
    """An agent's program in a process of its own, which can be killed and started again."""

    def __init__(self, program: Path, environment: Mapping[str, str]) -> None:
        self._program = program
        self._environment = {**os.environ, **environment}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts the program."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, str(self._program), env=self._environment, stderr=asyncio.subprocess.PIPE
        )

    async def kill(self) -> None:
        """Kills it with no warning."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> tuple[int, str]:
        """Sends SIGTERM, and answers the exit code and what it wrote to standard error."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> tuple[int, str]:
        """Waits for the end, and answers the exit code and what it wrote to standard error."""
        assert self._process is not None
        _, errors = await asyncio.wait_for(self._process.communicate(), 30)
        assert self._process.returncode is not None
        return self._process.returncode, errors.decode()

    async def close(self) -> None:
        """Leaves no process."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()


@asynccontextmanager
async def agent_process(program: Path, context: Path) -> AsyncIterator[AgentProcess]:
    """A running program that finds the suite by the context file."""
    process = AgentProcess(program, {"ROOKERY_CONTEXT": str(context)})
    await process.start()
    try:
        yield process
    finally:
        await process.close()
