"""The ledger's rules: reserve, execute, finalise; what stands under a request_id; what becomes of lost executions."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError, Unavailable

from rookery_tool_executor.model import (
    Execution,
    ExecutionAmbiguous,
    ExecutionInProgress,
    ExecutionState,
    FenceLost,
    RequestIdReused,
    ToolCall,
)
from rookery_tool_executor.service.executor_lease import ExecutorLease
from rookery_tool_executor.store import Held, LedgerStore, Outcome, Recalled, Reservation

T = TypeVar("T")
_FIRST_LOOK_SECONDS = 0.05
_SLOWEST_LOOK_SECONDS = 0.5
_RETRY_SECONDS = 0.5
_CLOSE_SECONDS = 2.0
_log = structlog.get_logger(__name__)


class Ledger:
    """Reservations and outcomes of this executor's calls."""

    def __init__(
        self,
        store: LedgerStore,
        lease: ExecutorLease,
        *,
        clock: Clock,
        new_id: Callable[[], str],
        sweep_seconds: float,
    ) -> None:
        self._store = store
        self._lease = lease
        self._clock = clock
        self._new_id = new_id
        self._sweep_seconds = sweep_seconds
        self._running: dict[str, asyncio.Event] = {}
        self._unknown: set[Held] = set()
        self._recording: set[asyncio.Task[Any]] = set()

    async def settled(self, call: ToolCall) -> Execution | None:
        """The outcome that stands under the call's request_id. Raises RequestIdReused or ExecutionAmbiguous."""
        seen = await self._store.recall(call) if call.request_id else None
        return None if seen is None else _outcome(seen)

    async def claim(self, call: ToolCall, *, repeatable: bool, patience: float) -> Reservation | Execution:
        """The right to execute the call, or the outcome of the execution that its request_id stands for.

        One that is under way is waited for, `patience` seconds at most. Raises RequestIdReused, ExecutionAmbiguous
        or ExecutionInProgress.
        """
        give_up = self._clock.monotonic() + patience
        pause = _FIRST_LOOK_SECONDS
        while True:
            reservation = await self._store.reserve(self._new_id(), call, self._lease.id, repeatable=repeatable)
            if reservation is not None:
                self._running[reservation.id] = asyncio.Event()
                return reservation
            seen = await self._store.recall(call) if call.request_id else None
            if seen is not None and (outcome := _outcome(seen)) is not None:
                return outcome
            if seen is None or seen.ownerless or seen.execution.state is ExecutionState.AMBIGUOUS:
                seen = await self._release(seen)
            left = give_up - self._clock.monotonic()
            if left <= 0:
                raise ExecutionInProgress(seen.execution.id if seen else "")
            if seen is not None:
                await self._wait(seen.execution.id, min(pause, left))
                pause = min(pause * 2, _SLOWEST_LOOK_SECONDS)

    async def finish(self, call: ToolCall, reservation: Reservation, outcome: Outcome) -> Execution:
        """Records the outcome and answers the execution.

        Raises FenceLost, or Unavailable when the store does not answer; the recording then goes on by itself.
        """
        # In a task of its own: a caller that goes away now must not leave the outcome unrecorded.
        duration = await asyncio.shield(self._in_background(self._record(call.tenant, reservation, outcome)))
        return Execution(
            id=reservation.id,
            call=call,
            state=outcome.state,
            answer=outcome.answer,
            error_reason=outcome.error_reason,
            error_message=outcome.error_message,
            create_time=reservation.create_time,
            duration=duration,
        )

    def finish_unheard(self, call: ToolCall, reservation: Reservation, outcome: Outcome) -> None:
        """Records an outcome for which nobody waits any more."""
        self._in_background(self._record_later(call.tenant, reservation, outcome))

    async def refuse(self, call: ToolCall, error: RookeryError) -> None:
        """Records a call that could not be made. A store that does not answer does not hide `error`."""
        try:
            await self._store.refuse(self._new_id(), call, self._lease.id, error)
        except Unavailable as outage:
            _log.warning("refused call not recorded", reason=outage.reason, refusal=error.reason)

    async def run(self) -> None:
        """Looks after lost executions until cancelled; outages are waited out."""
        while True:
            await asyncio.sleep(self._sweep_seconds)
            try:
                await self.sweep()
            except Unavailable as error:
                _log.warning("sweep of the ledger waits", reason=error.reason)

    async def sweep(self) -> None:
        """Names what lost executors left behind, and what this one reserved without getting to know of it.

        The latter happens when a call is cancelled in the moment of its reservation. It is seen in two sweeps before
        it counts, because a reservation is in the store a moment before it is known here.
        """
        if lost := await self._store.sweep():
            _log.warning("executions of lost executors are ambiguous", count=lost)
        held = await self._store.held_by(self._lease.id)
        unknown = {execution for execution in held if execution.id not in self._running}
        for execution in unknown & self._unknown:
            await self._store.abandon(execution)
        self._unknown = unknown

    async def close(self) -> None:
        """Lets recordings under way end."""
        if self._recording:
            await asyncio.wait(self._recording, timeout=_CLOSE_SECONDS)
        for task in self._recording:
            task.cancel()

    async def _release(self, seen: Recalled | None) -> Recalled | None:
        """Makes way where an owner is gone: the next attempt to reserve takes over, or finds it ambiguous."""
        if seen is not None and not seen.repeatable:
            execution = seen.execution
            await self._store.abandon(Held(execution.call.tenant, execution.id, seen.epoch))
        else:
            # A reservation was refused although it was free to take: then it was this process whose lease ran out.
            await self._lease.renew()
        return None

    async def _wait(self, execution_id: str, seconds: float) -> None:
        known_here = self._running.get(execution_id) or asyncio.Event()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await known_here.wait()

    async def _record(self, tenant: str, reservation: Reservation, outcome: Outcome) -> timedelta | None:
        try:
            duration = await self._store.finalise(tenant, reservation, outcome)
        except Unavailable:
            self._in_background(self._record_later(tenant, reservation, outcome))
            raise
        except FenceLost:
            self._done(reservation)
            raise
        self._done(reservation)
        return duration

    async def _record_later(self, tenant: str, reservation: Reservation, outcome: Outcome) -> None:
        while True:
            try:
                await self._store.finalise(tenant, reservation, outcome)
            except Unavailable:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            except FenceLost as error:
                _log.warning("outcome of an execution that was taken over", **error.metadata)
            self._done(reservation)
            return

    def _in_background(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._recording.add(task)
        task.add_done_callback(self._recorded)
        return task

    def _recorded(self, task: asyncio.Task[Any]) -> None:
        self._recording.discard(task)
        # Seen here, because the one who waited for it may have gone.
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.debug("outcome not recorded", error=type(error).__name__)

    def _done(self, reservation: Reservation) -> None:
        if event := self._running.pop(reservation.id, None):
            event.set()


def _outcome(seen: Recalled) -> Execution | None:
    """What a repetition is answered; None while there is no outcome, or where the tool may be called again."""
    if not seen.same_call:
        raise RequestIdReused
    match seen.execution.state:
        case ExecutionState.SUCCEEDED | ExecutionState.FAILED:
            return seen.execution
        case ExecutionState.AMBIGUOUS if not seen.repeatable:
            raise ExecutionAmbiguous(seen.execution.id)
    return None
