"""The suite as seen by a program that wants work done."""

import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from rookery.orchestrator.v1 import message_pb2, task_pb2

from rookery_sdk import tasks
from rookery_sdk.bulk import SendOutcome, send_many
from rookery_sdk.connection import Connection, CredentialFactory
from rookery_sdk.context import SuiteContext
from rookery_sdk.credentials import ApiKey, read_key_file
from rookery_sdk.delegation import Delegation, delegation_token
from rookery_sdk.errors import Detail, Unauthenticated
from rookery_sdk.messages import Message, Outgoing, PriorityName, send
from rookery_sdk.requests import ask, question
from rookery_sdk.tools import ToolCall, ToolResult, call_tool
from rookery_sdk.topics import Audience, Published, announcement, broadcast, publication, publish, watch

API_KEY_VARIABLE = "ROOKERY_API_KEY"


class Client(Connection):
    """A connection with an API key: stubs such as `tasks`, `agents`, `messages` and `topics`, and shorter ways.

    Calls of the shorter ways are repeated, with effect once, while the suite is away, for `patience` seconds.
    """

    def __init__(
        self,
        context: SuiteContext,
        api_key: str | None = None,
        *,
        patience: float = 30.0,
        credential: CredentialFactory | None = None,
    ) -> None:
        super().__init__(context, credential or (lambda stub: ApiKey(stub, lambda: _api_key(context, api_key))))
        self._context = context
        self._patience = patience

    @classmethod
    def connect(
        cls,
        context: SuiteContext | Path | str | None = None,
        *,
        api_key: str | None = None,
        patience: float = 30.0,
    ) -> "Client":
        """A client for use in `async with`.

        The suite is that of `context`, else of $ROOKERY_CONTEXT, else of ./.rookery/context.json; the key is the one
        given, else $ROOKERY_API_KEY, else the one in the file that the context names. Raises ContextNotFound or
        ContextInvalid; whether the key is accepted shows at the first call.
        """
        return cls(SuiteContext.find(context), api_key or os.environ.get(API_KEY_VARIABLE), patience=patience)

    def act_for(self, subject_token: str, *, scopes: Sequence[str] = ()) -> "Client":
        """A client that acts for another, for use in `async with`, while this one is open.

        `subject_token` is the other's access token, or better the delegation token that it made with `let_act`. What
        both may do can be done, within the scopes; the audit log names both.
        """
        return Client(
            self._context,
            patience=self._patience,
            credential=lambda stub: Delegation(stub, self.access, subject_token, scopes),
        )

    async def let_act(self, actor: str, *, scopes: Sequence[str] = ()) -> str:
        """A token that lets the subject `actor`, such as `agent:<id>`, act for this client, within the scopes.

        It ends with the present access token, within minutes, and nobody else can use it.
        """
        return await delegation_token(self._exchange, self.access, actor, scopes)

    async def create_task(
        self,
        capability: str,
        input: object = None,  # noqa: A002 -- the field's name on the wire
        *,
        title: str = "",
        priority: int = 0,
        labels: Mapping[str, str] | None = None,
        max_attempts: int = 0,
        lease_duration: timedelta | None = None,
        deadline: datetime | None = None,
        request_id: str | None = None,
    ) -> task_pb2.Task:
        """Creates a task; it is durable when this returns. The same `request_id` answers the same task.

        Past its `deadline` (aware) it fails.
        """
        new = tasks.NewTask(capability, input, title, priority, labels or {}, max_attempts, lease_duration, deadline)
        request = new.request()
        request.request_id = request_id or str(uuid4())
        return await tasks.create(self.tasks, request, patience=self._patience)

    async def wait(self, task_id: str, *, timeout: float | None = None) -> task_pb2.Task:
        """The task when it has ended, whatever its outcome. Raises TimeoutError after `timeout` seconds."""
        return await tasks.wait(self.tasks, task_id, timeout=timeout)

    def watch(self, task_id: str, *, patience: float | None = None) -> AsyncIterator[task_pb2.Task]:
        """The task as it stands and after every change, until it has ended."""
        return tasks.watch(self.tasks, task_id, patience=patience)

    async def send(
        self,
        recipient: str,
        payload: object = None,
        *,
        type: str = "",  # noqa: A002 -- the field's name on the wire
        priority: PriorityName = "normal",
        correlation_id: str = "",
        reply_to_agent_id: str = "",
        message_id: str | None = None,
        time_to_live: timedelta | None = None,
        deliver_time: datetime | None = None,
    ) -> message_pb2.Message:
        """Puts a message into the mailbox of an agent, named by name or id; it is durable when this returns.

        It is not delivered before `deliver_time` (aware), and after `time_to_live` from then on no more.
        """
        request = Outgoing(
            recipient,
            payload,
            type,
            priority,
            correlation_id,
            reply_to_agent_id,
            time_to_live=time_to_live,
            deliver_time=deliver_time,
            message_id=message_id or str(uuid4()),
        ).request()
        return (await send(self.messages, request, patience=self._patience)).message

    async def send_many(self, messages: Iterable[Outgoing]) -> list[SendOutcome]:
        """Puts messages into mailboxes over one stream and answers what became of each, in order.

        What is accepted is durable, and stays in its order. What is refused for a reason that passes is sent again.
        Raises what concerns all of them, such as PermissionDenied.
        """
        requests = [outgoing.request() for outgoing in messages]
        for request in requests:
            request.message_id = request.message_id or str(uuid4())
        return await send_many(self.messages, self.access, requests, patience=self._patience)

    async def request(
        self,
        recipient: str,
        payload: object = None,
        *,
        timeout: float = 30.0,
        type: str = "",  # noqa: A002 -- the field's name on the wire
        priority: PriorityName = "normal",
        message_id: str | None = None,
    ) -> Message:
        """Asks an agent, named by name or id, and waits at most `timeout` seconds for its answer.

        The same `message_id` again is not handled a second time. Raises DeadlineExceeded (REQUEST_UNANSWERED).
        """
        request = question(Outgoing(recipient, payload, type, priority))
        request.message_id = message_id or str(uuid4())
        return await ask(self.messages, request, timeout=timeout)

    async def publish(
        self,
        topic: str,
        payload: object = None,
        *,
        type: str = "",  # noqa: A002 -- the field's name on the wire
        priority: PriorityName = "normal",
        correlation_id: str = "",
        message_id: str | None = None,
    ) -> Published:
        """Puts a message into the mailbox of every member of a topic; it is durable when this returns."""
        request = publication(topic, Outgoing("", payload, type, priority, correlation_id))
        request.message_id = message_id or str(uuid4())
        return await publish(self.topics, request, patience=self._patience)

    async def broadcast(
        self,
        audience: Audience,
        payload: object = None,
        *,
        type: str = "",  # noqa: A002 -- the field's name on the wire
        priority: PriorityName = "normal",
        correlation_id: str = "",
        message_id: str | None = None,
    ) -> Published:
        """Puts a message into the mailbox of every agent that fits; it is durable when this returns."""
        request = announcement(audience, Outgoing("", payload, type, priority, correlation_id))
        request.message_id = message_id or str(uuid4())
        return await broadcast(self.messages, request, patience=self._patience)

    def watch_topic(
        self, topic: str, *, after_sequence: int | None = None, patience: float | None = None
    ) -> AsyncIterator[tuple[int, Message]]:
        """What is published to a topic, with its sequence, from now on or after a sequence (0: the oldest kept)."""
        return watch(self.topics, topic, after_sequence=after_sequence, patience=patience)

    async def call_tool(
        self,
        server: str,
        tool: str,
        arguments: Mapping[str, object] | None = None,
        *,
        timeout: float | None = None,
        task_id: str = "",
        request_id: str | None = None,
    ) -> ToolResult:
        """Calls a tool of an MCP server. `timeout` is what the tool may take, in seconds. Raises ToolError."""
        call = ToolCall(server, tool, arguments or {}, timeout)
        return await call_tool(
            self.tools, call, request_id=request_id or str(uuid4()), task_id=task_id, patience=self._patience
        )


def _api_key(context: SuiteContext, given: str | None) -> str:
    if given:
        return given
    if context.credential is None:
        raise Unauthenticated(f"no API key is at hand; set ${API_KEY_VARIABLE}", Detail("CREDENTIAL_INVALID"))
    return read_key_file(context.credential)
