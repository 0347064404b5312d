"""The agent as its author writes it."""

import asyncio
import inspect
import os
import re
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from rookery.registry.v1 import agent_service_pb2

from rookery_sdk.connection import Connection
from rookery_sdk.context import ContextInvalid, ContextNotFound, SuiteContext
from rookery_sdk.credentials import AgentIdentity, ApiKey, create_enrollment_token, read_key_file
from rookery_sdk.errors import RookeryError
from rookery_sdk.execution import MessageHandler, TaskHandler
from rookery_sdk.kept_identity import IdentityFile, IdentityFileInvalid
from rookery_sdk.serving import Duties, Serving
from rookery_sdk.stop import Stop

ENROLLMENT_VARIABLE = "ROOKERY_ENROLLMENT_TOKEN"
_NAME = re.compile(r"[a-z][a-z0-9._-]{0,62}")
_DEFAULT_LEASE = timedelta(seconds=15)


class Agent:
    """A program that takes tasks and messages.

    `capabilities` default to those that have a handler. `context` is where the suite is (else $ROOKERY_CONTEXT, else
    ./.rookery/context.json). `enrollment_token` (else $ROOKERY_ENROLLMENT_TOKEN) earns the agent its identity at its
    first start; where neither is given and the administrator's API key is at hand, the agent gets itself one. The
    identity is kept in `state_dir` (else `agents` beside the context file), so that the agent comes back as the same.

    `version`, at most 120 characters, is what the history of failed messages calls this program.
    `concurrency` and `message_concurrency` bound what is worked at at a time. `lease` is how long the agent counts as
    online without a heartbeat. `stop_grace` is what handlers get when the agent is stopped, `patience` how long an
    effect (a tool call, a message) waits for a suite that is away; both in seconds.
    """

    def __init__(
        self,
        name: str,
        capabilities: Sequence[str] | None = None,
        *,
        description: str = "",
        version: str = "",
        labels: Mapping[str, str] | None = None,
        context: SuiteContext | Path | str | None = None,
        enrollment_token: str | None = None,
        state_dir: Path | str | None = None,
        concurrency: int = 8,
        message_concurrency: int = 16,
        lease: timedelta = _DEFAULT_LEASE,
        stop_grace: float = 10.0,
        patience: float = 60.0,
    ) -> None:
        for word in (name, *(capabilities or ())):
            _check_name(word)
        for count in (concurrency, message_concurrency):
            if not 1 <= count <= 10_000:
                raise ValueError(f"concurrency goes from 1 to 10,000, not {count}")
        self.name = name
        self._capabilities = None if capabilities is None else tuple(capabilities)
        self._description = description
        self._version = version
        self._labels = dict(labels or {})
        self._context = context
        self._enrollment_token = enrollment_token
        self._state_dir = None if state_dir is None else Path(state_dir)
        self._concurrency = concurrency
        self._message_concurrency = message_concurrency
        self._lease = lease
        self._stop_grace = stop_grace
        self._patience = patience
        self._tasks: dict[str, TaskHandler] = {}
        self._message: MessageHandler | None = None
        self._stop: Stop | None = None

    def task(self, capability: str) -> Callable[[TaskHandler], TaskHandler]:
        """Declares the handler of a capability: `async def handler(ctx, input)`; what it returns is the output."""
        _check_name(capability)
        if capability in self._tasks:
            raise ValueError(f"{capability} already has a handler")

        def declare(handler: TaskHandler) -> TaskHandler:
            _check_async(handler)
            self._tasks[capability] = handler
            return handler

        return declare

    def message(self, handler: MessageHandler) -> MessageHandler:
        """Declares the handler of messages: `async def handler(ctx, message)`."""
        if self._message is not None:
            raise ValueError("there already is a message handler")
        _check_async(handler)
        self._message = handler
        return handler

    def run(self) -> None:
        """Runs the agent until SIGTERM or SIGINT; a second signal cuts the grace short.

        Exits with status 1 and a line on stderr when the agent cannot go on, for instance because a later session of
        the same agent has taken over.
        """
        try:
            asyncio.run(self._serve_until_signalled())
        except (RookeryError, ContextNotFound, ContextInvalid, IdentityFileInvalid) as error:
            raise SystemExit(f"agent {self.name}: {error}") from None

    async def serve(self) -> None:
        """Runs the agent until `stop`, for programs that have an event loop of their own.

        Raises RookeryError when it cannot go on (SessionSuperseded, Unauthenticated, ...), ContextNotFound,
        ContextInvalid, IdentityFileInvalid, or ValueError when capabilities and handlers do not match.
        """
        duties = self._duties()
        context = SuiteContext.find(self._context)
        file = IdentityFile(self._state_dir or context.folder / "agents", self.name)
        self._stop = Stop()
        try:
            async with Connection(
                context, lambda stub: AgentIdentity(stub, file, lambda: self._enrollment(context))
            ) as connection:
                await Serving(connection, duties).run(self._stop)
        finally:
            self._stop = None

    def stop(self) -> None:
        """Asks a running agent to stop gracefully; asked again, to stop at once. To be called in its event loop."""
        if self._stop is not None:
            self._stop.ask()

    async def _serve_until_signalled(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        await self.serve()

    async def _enrollment(self, context: SuiteContext) -> str | None:
        given = self._enrollment_token or os.environ.get(ENROLLMENT_VARIABLE)
        if given:
            return given
        path = context.credential
        if path is None or not path.exists():
            return None
        async with Connection(context, lambda stub: ApiKey(stub, lambda: read_key_file(path))) as administrator:
            return await create_enrollment_token(administrator.enrollments)

    def _duties(self) -> Duties:
        capabilities = tuple(self._tasks) if self._capabilities is None else self._capabilities
        if missing := sorted(set(capabilities) - set(self._tasks)):
            raise ValueError(f"these capabilities have no handler: {', '.join(missing)}")
        if unlisted := sorted(set(self._tasks) - set(capabilities)):
            raise ValueError(f"these handlers are for capabilities the agent does not list: {', '.join(unlisted)}")
        registration = agent_service_pb2.RegisterAgentRequest(
            name=self.name,
            capabilities=capabilities,
            labels=self._labels,
            lease_duration=self._lease,
            description=self._description,
        )
        return Duties(
            registration=registration,
            tasks=self._tasks,
            message=self._message,
            concurrency=self._concurrency,
            message_concurrency=self._message_concurrency,
            patience=self._patience,
            stop_grace=self._stop_grace,
            version=self._version[:120],
        )


def _check_name(word: str) -> None:
    if not _NAME.fullmatch(word):
        raise ValueError(
            f"{word!r} is not a name: it starts with a lower-case letter, followed by at most 62 lower-case letters, "
            "digits, '.', '_' or '-'"
        )


def _check_async(handler: object) -> None:
    if not inspect.iscoroutinefunction(handler):
        raise TypeError("a handler is an `async def` function; run code that blocks with asyncio.to_thread")
