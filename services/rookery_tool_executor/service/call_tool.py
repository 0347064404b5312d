"""Calling a tool once."""

from asyncio import CancelledError, timeout
from dataclasses import dataclass
from typing import Any

from rookery_kit.clock import Clock
from rookery_kit.errors import DeadlineExceeded, RookeryError

from rookery_tool_executor.directory import ServerDirectory
from rookery_tool_executor.model import (
    AnswerTooLarge,
    CallInterrupted,
    CommandNotAllowed,
    EndpointNotAllowed,
    Execution,
    ExecutionAmbiguous,
    ExecutionState,
    McpServer,
    McpServerDisabled,
    McpServerNotFound,
    McpServerUnavailable,
    ToolAnswer,
    ToolArgumentsInvalid,
    ToolCall,
    ToolNotFound,
    recorded_error,
)
from rookery_tool_executor.observation import CallObserver
from rookery_tool_executor.service.arguments import parse_arguments
from rookery_tool_executor.service.ledger import Ledger
from rookery_tool_executor.sessions.answers import size_of
from rookery_tool_executor.sessions.offered_tools import OfferedTool
from rookery_tool_executor.sessions.pool import SessionPool
from rookery_tool_executor.sessions.session import McpSession
from rookery_tool_executor.sessions.tool_schema import SchemaUnusable
from rookery_tool_executor.store import Outcome, Reservation

IDEMPOTENCY_KEY = "rookery.dev/idempotency-key"
SUBJECT, TENANT, DELEGATES = "rookery.dev/subject", "rookery.dev/tenant", "rookery.dev/delegates"
_REFUSALS = (
    McpServerNotFound,
    McpServerDisabled,
    McpServerUnavailable,
    CommandNotAllowed,
    EndpointNotAllowed,
    ToolNotFound,
    ToolArgumentsInvalid,
)
_LEAST_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Seconds a tool has when its caller says nothing; seconds kept back to record and answer; bytes of an answer."""

    default_timeout: float
    reserve: float
    answer_bytes: int


@dataclass(frozen=True, slots=True)
class Resolved:
    """All that a call needs."""

    server: McpServer
    session: McpSession
    tool: OfferedTool
    arguments: dict[str, Any]


class CallTool:
    """Resolves, validates, reserves, calls, records."""

    def __init__(
        self,
        directory: ServerDirectory,
        pool: SessionPool,
        ledger: Ledger,
        observer: CallObserver,
        *,
        clock: Clock,
        limits: CallLimits,
    ) -> None:
        self._directory = directory
        self._pool = pool
        self._ledger = ledger
        self._observer = observer
        self._clock = clock
        self._limits = limits

    async def call(
        self, call: ToolCall, *, tool_timeout: float | None, remaining: float, authorization: str
    ) -> Execution:
        """The execution, with the tool's answer; under a request_id that is known, the recorded one.

        `tool_timeout` is what the tool has, `remaining` what the caller waits at most, both in seconds;
        `authorization` is what the registry is asked with. Raises the errors that the contract names.
        """
        deadline = self._clock.monotonic() + remaining - self._limits.reserve
        arguments = parse_arguments(call.arguments)
        if call.request_id and not self._is_ready(call):
            # A repetition is answered from the record, also when the server is slow to start or no longer there.
            settled = await self._ledger.settled(call)
            if settled is not None:
                return _replayed(settled)
        try:
            resolved = await self._resolve(call, arguments, deadline, authorization)
        except _REFUSALS as error:
            await self._ledger.refuse(call, error)
            raise
        claimed = await self._ledger.claim(
            call, repeatable=resolved.tool.tool.repeatable, patience=self._left(deadline)
        )
        if isinstance(claimed, Execution):
            return _replayed(claimed)
        seconds = min(tool_timeout or self._limits.default_timeout, max(self._left(deadline), _LEAST_SECONDS))
        return await self._execute(call, claimed, resolved, seconds)

    def _is_ready(self, call: ToolCall) -> bool:
        server = self._directory.remembered(call.tenant, call.server)
        return server is not None and self._pool.opened(server) is not None

    async def _resolve(
        self, call: ToolCall, arguments: dict[str, Any], deadline: float, authorization: str
    ) -> Resolved:
        try:
            async with timeout(max(self._left(deadline), _LEAST_SECONDS)):
                server = await self._directory.find(call.tenant, call.server, authorization)
                session = self._pool.opened(server) or await self._pool.session(server)
                tool = await session.tool(call.tool)
        except TimeoutError:
            raise McpServerUnavailable(
                f"the MCP server {call.server!r} was not ready before the caller's deadline", server=call.server
            ) from None
        if tool is None:
            raise ToolNotFound(call.server, call.tool)
        try:
            violations = tool.arguments.violations(arguments, "arguments")
        except SchemaUnusable as error:
            raise McpServerUnavailable(
                f"the input schema of the tool {call.tool!r} cannot be used: {error}", server=call.server
            ) from error
        if violations:
            text = "; ".join(f"{path}: {description}" for path, description in violations)
            raise ToolArgumentsInvalid(text, violations)
        return Resolved(server, session, tool, arguments)

    async def _execute(self, call: ToolCall, reservation: Reservation, resolved: Resolved, seconds: float) -> Execution:
        try:
            answer = await self._attempt(call, reservation, resolved, seconds)
            if (size := size_of(answer)) > self._limits.answer_bytes:
                raise AnswerTooLarge(f"the answer has {size} bytes; at most {self._limits.answer_bytes} are accepted")
        except RookeryError as error:
            await self._ledger.finish(call, reservation, _failed(error))
            raise
        except BaseException as error:
            self._ledger.finish_unheard(call, reservation, _lost(error))
            raise
        state = ExecutionState.FAILED if answer.is_error else ExecutionState.SUCCEEDED
        return await self._ledger.finish(call, reservation, Outcome(state, answer))

    async def _attempt(
        self, call: ToolCall, reservation: Reservation, resolved: Resolved, seconds: float
    ) -> ToolAnswer:
        """Calls the tool; where the session broke, once more over another one, if that is safe."""
        deadline = self._clock.monotonic() + seconds
        meta: Any = _meta(call, reservation)
        with self._observer.call(call, reservation.id, resolved.server.transport) as observed:
            try:
                answer = await resolved.session.call(call.tool, resolved.arguments, seconds, meta)
            except McpServerUnavailable as error:
                may_have_acted = isinstance(error, CallInterrupted) and not resolved.tool.tool.repeatable
                if may_have_acted or self._left(deadline) < _LEAST_SECONDS:
                    raise
                session = await self._pool.session(resolved.server)
                answer = await session.call(call.tool, resolved.arguments, self._left(deadline), meta)
            observed.answered(answer)
        return answer

    def _left(self, deadline: float) -> float:
        return deadline - self._clock.monotonic()


def _meta(call: ToolCall, reservation: Reservation) -> dict[str, object]:
    """What the server is told beside the arguments."""
    meta: dict[str, object] = {
        IDEMPOTENCY_KEY: call.request_id or reservation.id,
        SUBJECT: call.subject,
        TENANT: call.tenant,
    }
    if call.delegates:
        meta[DELEGATES] = list(call.delegates)
    return meta


def _failed(error: RookeryError) -> Outcome:
    called = isinstance(error, CallInterrupted) or not isinstance(
        error, McpServerUnavailable | EndpointNotAllowed | CommandNotAllowed
    )
    return Outcome(ExecutionState.FAILED, error_reason=error.reason, error_message=error.message, uncalled=not called)


def _lost(error: BaseException) -> Outcome:
    """The caller went away, or this service has a fault: the tool may or may not have acted."""
    gone = isinstance(error, CancelledError)
    return Outcome(
        ExecutionState.AMBIGUOUS,
        error_reason=DeadlineExceeded.reason if gone else ExecutionAmbiguous.reason,
        error_message="the caller went away before the tool answered" if gone else "the executor failed",
    )


def _replayed(execution: Execution) -> Execution:
    """The recorded execution, or the error that it ended with."""
    if execution.error_reason:
        raise recorded_error(execution)
    return execution
