"""The agents, each a process of its own."""

import asyncio
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from rookery.auth.v1 import enrollment_service_pb2
from rookery.registry.v1 import agent_pb2, agent_service_pb2
from rookery_local.child import Child, Command
from rookery_sdk import Client, RookeryError

from demo.agents.desk import MAIL_FILE
from demo.failure import DemoFailed
from demo.stage.suite import clean_environment

_ONLINE_SECONDS = 60.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05
_CALL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Ground:
    """What all agents are told: see `demo.agents.desk.Errand`."""

    root: Path
    revision: str
    committed: bool


class Fleet:
    """Starts, kills and stops agents. `roles` are by the agents' names."""

    def __init__(self, client: Client, context: Path, ground: Ground, roles: dict[str, str]) -> None:
        self._client = client
        self._context = context
        self._folder = context.parent / "fleet"
        self._logs = context.parent / "logs"
        self._ground = ground
        self._roles = roles
        self._enrollments: dict[str, str] = {}
        self._children: dict[str, Child] = {}
        self.ids: dict[str, str] = {}

    @property
    def names(self) -> list[str]:
        """Every agent's name."""
        return list(self._roles)

    @property
    def pids(self) -> list[int]:
        """The processes that run now."""
        return [child.pid for child in self._children.values() if child.exit_code is None]

    def mail_record(self, name: str) -> Path:
        """Where the agent keeps its record of mail."""
        return self._folder / name / MAIL_FILE

    async def enroll(self) -> None:
        """Gets every agent a credential for its first start, good for one use."""
        for name in self._roles:
            request = enrollment_service_pb2.CreateEnrollmentTokenRequest(request_id=str(uuid4()))
            response = await self._client.enrollments.CreateEnrollmentToken(request, timeout=10.0)
            self._enrollments[name] = response.secret

    def start(self, name: str) -> None:
        """Starts an agent's process. At later starts only the credential that the agent has kept is of use."""
        ground = self._ground
        arguments = [self._roles[name], f"--name={name}", f"--root={ground.root}", f"--revision={ground.revision}"]
        arguments += [f"--folder={self._folder / name}", *(["--committed"] if ground.committed else [])]
        environment = clean_environment() | {"ROOKERY_CONTEXT": str(self._context)}
        environment["ROOKERY_ENROLLMENT_TOKEN"] = self._enrollments[name]
        self._children[name] = Child.spawn(
            Command(
                (sys.executable, "-m", "demo.agents", *arguments),
                log_file=self._logs / f"agent-{name}.log",
                environment=environment,
                working_folder=ground.root,
            )
        )

    def kill(self, name: str) -> None:
        """Kills an agent's process, without a chance to say anything."""
        self._children[name].send(signal.SIGKILL)

    async def wait_ended(self, name: str) -> None:
        """Returns when the agent's process has ended."""
        await self._children[name].wait()

    async def stop(self, names: Iterable[str]) -> None:
        """Asks agents to stop and returns when they have."""
        children = [self._children[name] for name in names if name in self._children]
        await asyncio.gather(*(child.end((signal.SIGTERM, _STOP_SECONDS)) for child in children))

    async def until_online(self, names: Iterable[str], above_epoch: int = 0) -> None:
        """Waits until agents are ONLINE, in a session above the given epoch. Raises DemoFailed."""
        give_up = time.monotonic() + _ONLINE_SECONDS
        for name in names:
            while not _is_online(agent := await self.look_up(name), above_epoch):
                code = self._children[name].exit_code
                if code is not None or time.monotonic() > give_up:
                    last = (self._children[name].output().strip().splitlines() or ["it said nothing"])[-1]
                    raise DemoFailed(f"agent {name} is not online ({'running' if code is None else code}): {last}")
                await asyncio.sleep(_POLL_SECONDS)
            self.ids[name] = agent.id

    async def until_offline(self, name: str) -> None:
        """Waits until an agent is OFFLINE. Raises DemoFailed."""
        give_up = time.monotonic() + _ONLINE_SECONDS
        while (await self.look_up(name)).status != agent_pb2.AGENT_STATUS_OFFLINE:
            if time.monotonic() > give_up:
                raise DemoFailed(f"agent {name} was stopped and is not OFFLINE after {_ONLINE_SECONDS:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)

    async def look_up(self, name: str) -> agent_pb2.Agent:
        """The agent as the registry knows it; an empty one when it knows none or does not answer."""
        try:
            response = await self._client.agents.ListAgents(
                agent_service_pb2.ListAgentsRequest(name=name), timeout=_CALL_SECONDS
            )
        except RookeryError:
            return agent_pb2.Agent()
        return response.agents[0] if response.agents else agent_pb2.Agent()


def _is_online(agent: agent_pb2.Agent, above_epoch: int) -> bool:
    return agent.status == agent_pb2.AGENT_STATUS_ONLINE and agent.session_epoch > above_epoch
