"""One run of an agent, from its registration to its last word."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from rookery.registry.v1 import agent_service_pb2

from rookery_sdk.connection import Connection
from rookery_sdk.execution import MessageExecution, MessageHandler, TaskExecution, TaskHandler
from rookery_sdk.frames import StreamLoop
from rookery_sdk.health import HealthMeter
from rookery_sdk.heartbeat import Heartbeat
from rookery_sdk.mailbox import Mailbox
from rookery_sdk.session import Session
from rookery_sdk.stop import Stop
from rookery_sdk.work import Work

_log = logging.getLogger("rookery_sdk")


@dataclass(frozen=True, slots=True)
class Duties:
    """What an agent does and within which limits; `patience` and `stop_grace` are in seconds."""

    registration: agent_service_pb2.RegisterAgentRequest
    tasks: Mapping[str, TaskHandler]
    message: MessageHandler | None
    concurrency: int
    message_concurrency: int
    patience: float
    stop_grace: float
    version: str = ""


class Serving:
    """Runs an agent's session, its Work stream and its mailbox beside each other."""

    def __init__(self, connection: Connection, duties: Duties) -> None:
        self._session = Session(connection.agents, connection.access, duties.registration)
        self._parts: list[Callable[[], Coroutine[Any, Any, Any]]] = []
        self._holds: list[Callable[[bool], None]] = []
        self._meter = HealthMeter(
            duties.concurrency * bool(duties.tasks) + duties.message_concurrency * (duties.message is not None)
        )
        self._heartbeat = Heartbeat(self._meter, drain=self._hold, refresh=self._session.renew)
        self._drains: list[Callable[[Stop], Coroutine[Any, Any, None]]] = []
        self._abandons: list[Callable[[], Coroutine[Any, Any, None]]] = []
        if duties.tasks:
            self._add_work(connection, duties)
        if duties.message is not None:
            self._add_mailbox(connection, duties, duties.message)
        self._add_heartbeat(connection)

    async def run(self, stop: Stop) -> None:
        """Runs until asked to stop. Raises what cannot be waited out, with every handler cancelled."""
        asked = asyncio.create_task(stop.asked.wait())
        running: set[asyncio.Task[Any]] = {asked}
        try:
            opening = asyncio.create_task(self._session.open())
            running.add(opening)
            await asyncio.wait({asked, opening}, return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                return
            opening.result()
            parts = {asyncio.create_task(part()) for part in self._parts}
            running |= parts
            ended, _ = await asyncio.wait({asked, *parts}, return_when=asyncio.FIRST_COMPLETED)
            for part in ended - {asked}:
                part.result()
            _log.info("agent %s is stopping", self._session.agent.name)
            await asyncio.gather(*(drain(stop) for drain in self._drains))
            if not await self._heartbeat.leave():
                await self._session.leave()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await asyncio.gather(*(abandon() for abandon in self._abandons))

    def _add_work(self, connection: Connection, duties: Duties) -> None:
        execution = TaskExecution(connection, duties.tasks, patience=duties.patience)
        execute = self._meter.counting(execution.run, lambda report: report.HasField("failure"))
        work = Work(execute, concurrency=duties.concurrency)
        loop = StreamLoop("work", connection.tasks.Work, work, session=self._session, access=connection.access)
        self._parts += [loop.run, work.beat]
        self._holds.append(lambda held: work.hold(loop.reopen, held=held))
        self._drains.append(lambda stop: work.drain(stop, duties.stop_grace, loop.reopen))
        self._abandons.append(work.abandon)

    def _add_mailbox(self, connection: Connection, duties: Duties, handler: MessageHandler) -> None:
        execution = MessageExecution(connection, handler, patience=duties.patience)
        handle = self._meter.counting(execution.run, lambda settlement: not settlement.HasField("ack"))
        mailbox = Mailbox(handle, concurrency=duties.message_concurrency, agent_version=duties.version)
        receive = connection.messages.Receive
        loop = StreamLoop("mailbox", receive, mailbox, session=self._session, access=connection.access)
        self._parts += [loop.run, mailbox.beat]
        self._holds.append(lambda held: mailbox.hold(held=held))
        self._drains.append(lambda stop: mailbox.drain(stop, duties.stop_grace))
        self._abandons.append(mailbox.abandon)

    def _add_heartbeat(self, connection: Connection) -> None:
        beats, heartbeat = connection.agents.Heartbeat, self._heartbeat
        loop = StreamLoop("heartbeat", beats, heartbeat, session=self._session, access=connection.access)
        self._parts += [loop.run, heartbeat.beat]

    def _hold(self, held: bool) -> None:  # noqa: FBT001 -- the state itself
        for hold in self._holds:
            hold(held)
