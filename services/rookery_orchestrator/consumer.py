"""What comes over the bus: agents of the registry, and the task changes of other replicas."""

import asyncio
from collections.abc import Callable
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
from rookery_orchestrator.postgres import PostgresAgentProjection
from rookery_orchestrator.registry_directory import decode_agent

AGENT_EVENTS = event_subject("*", "agent", "*")
_TASK_EVENTS = event_subject("*", "task", "*")
_log = structlog.get_logger(__name__)

AgentListener = Callable[[KnownAgent], None]


class AgentEvents:
    """Keeps the projection of agents up to date. An agent that is gone is told to listeners without capabilities."""

    def __init__(self, projection: PostgresAgentProjection, *listeners: AgentListener) -> None:
        self._projection = projection
        self._listeners = listeners

    async def handle(self, connection: Connection, event: Event) -> None:
        """Takes one AgentChanged; one that is out of date changes nothing."""
        changed = agent_event_pb2.AgentChanged.FromString(event.payload)
        registered = changed.change != agent_event_pb2.AGENT_CHANGE_DEREGISTERED
        agent = replace(decode_agent(changed.agent), revision=changed.revision)
        await self._projection.learn_within(connection, agent, registered=registered)
        for listener in self._listeners:
            listener(agent if registered else replace(agent, capabilities=()))


class TaskEvents:
    """Hands on what other replicas did. Nothing here must be heard: whoever listens also looks for itself."""

    def __init__(self, bus: Bus, changes: TaskChanges) -> None:
        self._bus = bus
        self._changes = changes

    async def run(self) -> None:
        """Listens until cancelled; the subscription survives reconnects."""
        subscription = await self._bus.client.subscribe(_TASK_EVENTS, cb=self._take)
        try:
            await asyncio.Event().wait()
        finally:
            if self._bus.client.is_connected:
                await subscription.unsubscribe()

    async def _take(self, message: Msg) -> None:
        try:
            change = read_task_event(message.data)
        except (DecodeError, ValueError):
            _log.warning("not a task event", subject=message.subject)
            return
        self._changes.tell(change)
