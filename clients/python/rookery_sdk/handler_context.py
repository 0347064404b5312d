"""What a handler gets to act with."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from rookery.orchestrator.v1 import task_pb2, topic_service_pb2

from rookery_sdk import tasks
from rookery_sdk.connection import Connection
from rookery_sdk.effect_ids import EffectIds
from rookery_sdk.messages import Message, Outgoing, PriorityName, send
from rookery_sdk.requests import ask, question
from rookery_sdk.tools import ToolCall, ToolResult, call_tool
from rookery_sdk.topics import Audience, Published, announcement, broadcast, publication, publish

_MEMBERSHIP_SECONDS = 10.0


class HandlerContext:
    """Effects of a handler: each takes place once, also when the handler runs again for the same task or message.

    That holds as long as the handler, run again, asks for the same effects; it may ask for them in another order.
    """

    def __init__(self, connection: Connection, origin: str, *, patience: float, task_id: str = "") -> None:
        self._connection = connection
        self._ids = EffectIds(UUID(origin))
        self._patience = patience
        self._task_id = task_id

    async def call_tool(
        self,
        server: str,
        tool: str,
        arguments: Mapping[str, object] | None = None,
        /,
        *,
        timeout: float | None = None,
        **more: object,
    ) -> ToolResult:
        """Calls a tool of an MCP server; arguments as a mapping, as keywords, or both.

        `timeout` is what the tool may take, in seconds. An argument of the tool that is itself called `timeout` goes
        into the mapping. Waits while the executor or the server is away. Raises ToolError, or PayloadInvalid.
        """
        call = ToolCall(server, tool, {**(arguments or {}), **more}, timeout)
        request_id = self._ids.next("tool", server.encode(), tool.encode(), call.encoded_arguments())
        return await call_tool(
            self._connection.tools, call, request_id=request_id, task_id=self._task_id, patience=self._patience
        )

    async def send(
        self,
        recipient: str,
        payload: object = None,
        *,
        type: str = "",  # noqa: A002 -- the field's name on the wire
        priority: PriorityName = "normal",
        correlation_id: str = "",
    ) -> str:
        """Puts a message into the mailbox of an agent, named by name or id, and answers the message's id.

        It is durable when this returns. Raises RookeryError, such as RECIPIENT_NOT_FOUND, or PayloadInvalid.
        """
        return await self._send(Outgoing(recipient, payload, type, priority, correlation_id))

    async def request(
        self,
        recipient: str,
        payload: object = None,
        *,
        timeout: float = 30.0,
        type: str = "",  # noqa: A002 -- the field's name on the wire
        priority: PriorityName = "normal",
    ) -> Message:
        """Asks an agent, named by name or id, and waits at most `timeout` seconds for its answer.

        A handler that runs again gets the answer that was given. Raises DeadlineExceeded (REQUEST_UNANSWERED).
        """
        request = question(Outgoing(recipient, payload, type, priority))
        request.message_id = self._ids.next("request", request.SerializeToString(deterministic=True))
        return await ask(self._connection.messages, request, timeout=timeout)

    async def publish(
        self,
        topic: str,
        payload: object = None,
        *,
        type: str = "",  # noqa: A002 -- the field's name on the wire
        priority: PriorityName = "normal",
        correlation_id: str = "",
    ) -> Published:
        """Tells every member of a topic but this agent. It is durable when this returns."""
        request = publication(topic, Outgoing("", payload, type, priority, correlation_id))
        request.message_id = self._ids.next("publication", request.SerializeToString(deterministic=True))
        return await publish(self._connection.topics, request, patience=self._patience)

    async def broadcast(
        self,
        audience: Audience,
        payload: object = None,
        *,
        type: str = "",  # noqa: A002 -- the field's name on the wire
        priority: PriorityName = "normal",
        correlation_id: str = "",
    ) -> Published:
        """Tells every agent that fits but this one. It is durable when this returns."""
        request = announcement(audience, Outgoing("", payload, type, priority, correlation_id))
        request.message_id = self._ids.next("broadcast", request.SerializeToString(deterministic=True))
        return await broadcast(self._connection.messages, request, patience=self._patience)

    async def join_topic(self, topic: str) -> None:
        """Makes this agent a member; one that is a member stays so."""
        await self._connection.topics.JoinTopic(
            topic_service_pb2.JoinTopicRequest(topic=topic), timeout=_MEMBERSHIP_SECONDS
        )

    async def leave_topic(self, topic: str) -> None:
        """Ends this agent's membership, if there is one."""
        await self._connection.topics.LeaveTopic(
            topic_service_pb2.LeaveTopicRequest(topic=topic), timeout=_MEMBERSHIP_SECONDS
        )

    async def create_task(
        self,
        capability: str,
        input: object = None,  # noqa: A002 -- the field's name on the wire
        *,
        title: str = "",
        priority: int = 0,
        labels: Mapping[str, str] | None = None,
    ) -> task_pb2.Task:
        """Creates a task for another agent. It is durable when this returns."""
        new = tasks.NewTask(capability, input, title=title, priority=priority, labels=labels or {})
        request = new.request()
        request.request_id = self._ids.next("task", request.SerializeToString(deterministic=True))
        return await tasks.create(self._connection.tasks, request, patience=self._patience)

    async def wait(self, task_id: str, *, timeout: float | None = None) -> task_pb2.Task:
        """The task when it has ended, whatever its outcome. Raises TimeoutError after `timeout` seconds."""
        return await tasks.wait(self._connection.tasks, task_id, timeout=timeout)

    async def _send(self, outgoing: Outgoing) -> str:
        request = outgoing.request()
        request.message_id = self._ids.next("message", request.SerializeToString(deterministic=True))
        response = await send(self._connection.messages, request, patience=self._patience)
        return response.message.id or request.message_id


class ProgressReporter(Protocol):
    """Takes word of how far a task is."""

    async def report(self, fraction: float, message: str) -> None:
        """Passes it on, if there is a stream to pass it on."""
        ...


class TaskContext(HandlerContext):
    """What a task handler gets. `task` is the task with its lease."""

    def __init__(
        self, connection: Connection, task: task_pb2.Task, progress: ProgressReporter, *, patience: float
    ) -> None:
        super().__init__(connection, task.id, patience=patience, task_id=task.id)
        self.task = task
        self._progress = progress

    async def progress(self, fraction: float, message: str = "") -> None:
        """Tells how far the task is, from 0 to 1, with a word for people. Lost while the suite is away."""
        if not 0 <= fraction <= 1:
            raise ValueError(f"progress goes from 0 to 1, not {fraction}")
        await self._progress.report(fraction, message)


class MessageContext(HandlerContext):
    """What the message handler gets. `message` is the message it was called for."""

    def __init__(self, connection: Connection, message: Message, *, patience: float) -> None:
        super().__init__(connection, message.id, patience=patience)
        self.message = message

    async def reply(self, payload: object = None, *, type: str = "", priority: PriorityName = "normal") -> str:  # noqa: A002
        """Answers the message: to whom it names for answers, else its sender, under the same correlation id.

        A message that came without a correlation id is answered under its own id. The answer to a request goes to
        whoever waits for it, and to no mailbox. Raises ValueError when the sender is not an agent and does not wait.
        """
        if self.message.reply_address:
            answer = Outgoing("", payload, type, priority, self.message.id, reply_address=self.message.reply_address)
            return await self._send(answer)
        if not self.message.reply_to_agent_id:
            raise ValueError(f"{self.message.sender} is not an agent and has no mailbox to answer to")
        correlation_id = self.message.correlation_id or self.message.id
        return await self._send(Outgoing(self.message.reply_to_agent_id, payload, type, priority, correlation_id))
