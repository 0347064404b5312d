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


class Serving:
    """Runs an agent's session, its Work stream and its mailbox beside each other."""

    def __init__(self, connection: Connection, duties: Duties) -> None:
        self._session = Session(connection.agents, duties.registration)
        self._parts: list[Callable[[], Coroutine[Any, Any, Any]]] = [self._session.keep]
        self._drains: list[Callable[[Stop], Coroutine[Any, Any, None]]] = []
        self._abandons: list[Callable[[], Coroutine[Any, Any, None]]] = []
        if duties.tasks:
            self._add_work(connection, duties)
        if duties.message is not None:
            self._add_mailbox(connection, duties, duties.message)

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
            await self._session.leave()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await asyncio.gather(*(abandon() for abandon in self._abandons))

    def _add_work(self, connection: Connection, duties: Duties) -> None:
        execution = TaskExecution(connection, duties.tasks, patience=duties.patience)
        work = Work(execution.run, concurrency=duties.concurrency)
        loop = StreamLoop("work", connection.tasks.Work, work, session=self._session, access=connection.access)
        self._parts += [loop.run, work.beat]
        self._drains.append(lambda stop: work.drain(stop, duties.stop_grace, loop.reopen))
        self._abandons.append(work.abandon)

    def _add_mailbox(self, connection: Connection, duties: Duties, handler: MessageHandler) -> None:
        execution = MessageExecution(connection, handler, patience=duties.patience)
        mailbox = Mailbox(execution.run, concurrency=duties.message_concurrency)
        receive = connection.messages.Receive
        loop = StreamLoop("mailbox", receive, mailbox, session=self._session, access=connection.access)
        self._parts += [loop.run, mailbox.beat]
        self._drains.append(lambda stop: mailbox.drain(stop, duties.stop_grace))
        self._abandons.append(mailbox.abandon)
