"""What comes over the bus: agents of the registry, and the task changes of other replicas."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from rookery.events.v1 import agent_event_pb2
from rookery_kit.bus import Bus, Event
from rookery_kit.bus.subjects import event_subject
from rookery_kit.postgres import Connection

from rookery_orchestrator.changes import TaskChanges
from rookery_orchestrator.directory import KnownAgent
from rookery_orchestrator.events import read_task_event
from rookery_orchestrator.postgres import PostgresAgentProjection, PostgresTopicStore
from rookery_orchestrator.registry_directory import decode_agent

AGENT_EVENTS = event_subject("*", "agent", "*")
_TASK_EVENTS = event_subject("*", "task", "*")
_log = structlog.get_logger(__name__)

AgentListener = Callable[[KnownAgent], None]


class AgentEvents:
    """Keeps the projection of agents up to date, and ends the memberships of those that are gone.

    An agent that is gone is told to listeners without capabilities.
    """

    def __init__(
        self, projection: PostgresAgentProjection, topics: PostgresTopicStore, *listeners: AgentListener
    ) -> None:
        self._projection = projection
        self._topics = topics
        self._listeners = listeners

    async def handle(self, connection: Connection, event: Event) -> None:
        """Takes one AgentChanged; one that is out of date changes nothing."""
        agent, registered = _read_agent_event(event.payload)
        await self._projection.learn_within(connection, agent, registered=registered)
        if not registered:
            await self._topics.forget_within(connection, agent.tenant, agent.id)
        for listener in self._listeners:
            listener(agent if registered else replace(agent, capabilities=()))


class AgentTidings:
    """Tells listeners of every change of an agent, also of those that another replica's AgentEvents takes.

    Nothing here must be heard; it makes a replica follow at once what it would otherwise notice later.
    """

    def __init__(self, bus: Bus, *listeners: AgentListener) -> None:
        self._bus = bus
        self._listeners = listeners

    async def run(self) -> None:
        """Listens until cancelled."""
        await _overhear(self._bus, AGENT_EVENTS, self._take)

    async def _take(self, message: Msg) -> None:
        try:
            agent, registered = _read_agent_event(message.data)
        except DecodeError:
            _log.warning("not an agent event", subject=message.subject)
            return
        for listener in self._listeners:
            listener(agent if registered else replace(agent, capabilities=()))


class TaskEvents:
    """Hands on what other replicas did. Nothing here must be heard: whoever listens also looks for itself."""

    def __init__(self, bus: Bus, changes: TaskChanges) -> None:
        self._bus = bus
        self._changes = changes

    async def run(self) -> None:
        """Listens until cancelled."""
        await _overhear(self._bus, _TASK_EVENTS, self._take)

    async def _take(self, message: Msg) -> None:
        try:
            change = read_task_event(message.data)
        except (DecodeError, ValueError):
            _log.warning("not a task event", subject=message.subject)
            return
        self._changes.tell(change)


def _read_agent_event(payload: bytes) -> tuple[KnownAgent, bool]:
    """The agent as of the event, and whether it is still registered. Raises DecodeError."""
    changed = agent_event_pb2.AgentChanged.FromString(payload)
    registered = changed.change != agent_event_pb2.AGENT_CHANGE_DEREGISTERED
    return replace(decode_agent(changed.agent), revision=changed.revision), registered


async def _overhear(bus: Bus, subject: str, take: Callable[[Msg], Awaitable[None]]) -> None:
    """Hands on what is published, until cancelled; the subscription survives reconnects."""
    subscription = await bus.client.subscribe(subject, cb=take)
    try:
        await asyncio.Event().wait()
    finally:
        if not bus.client.is_closed:
            await subscription.unsubscribe()
