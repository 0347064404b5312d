"""Taking tasks: one Work stream after another, the same leases over all of them."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rookery.orchestrator.v1 import credits_pb2, task_pb2, task_service_pb2

from rookery_sdk import reports
from rookery_sdk.frames import Outbound
from rookery_sdk.status import error_of_status
from rookery_sdk.stop import Stop

# Runs the handler of an assignment and answers the report. Cancelled when the lease is lost or given back.
Execute = Callable[[task_service_pb2.TaskAssignment, "Lease"], Awaitable[task_service_pb2.WorkRequest]]
Key = tuple[str, int]
_REOPEN_SECONDS = 2.0
_RELEASE_SECONDS = 3.0
_log = logging.getLogger("rookery_sdk")


@dataclass(slots=True)
class Lease:
    """A lease this agent holds: while its handler runs, and then until its report is accepted or refused."""

    task: task_pb2.Task
    work: "Work"
    handler: "asyncio.Task[None] | None" = None
    report_frame: task_service_pb2.WorkRequest | None = None
    giving_back: bool = False

    @property
    def key(self) -> task_service_pb2.LeaseKey:
        """Names the lease to the orchestrator."""
        return task_service_pb2.LeaseKey(task_id=self.task.id, lease_epoch=self.task.lease_epoch)

    @property
    def seconds(self) -> float:
        """How long the lease runs without a heartbeat."""
        return self.task.lease_duration.ToNanoseconds() / 1e9 or 10.0

    async def report(self, fraction: float, message: str) -> None:
        """Tells how far the task is; dropped while there is no stream."""
        outbound = self.work.outbound
        if outbound is not None:
            outbound.send(reports.progress(self.key, fraction, message))
            await outbound.drained()


class Work:
    """The link of an agent that takes tasks, at most `concurrency` at a time.

    A report is kept and sent again on every new stream until the orchestrator has accepted or refused it.
    """

    def __init__(self, execute: Execute, *, concurrency: int) -> None:
        self._execute = execute
        self._concurrency = concurrency
        self._leases: dict[Key, Lease] = {}
        self._running = 0
        self._credits = 0
        self._draining = False
        self._held = False
        # Set: there are no leases; a stream without credits is open; a lease was taken since the last look.
        self._empty = asyncio.Event()
        self._empty.set()
        self._quiet = asyncio.Event()
        self._taken = asyncio.Event()
        self.outbound: Outbound[task_service_pb2.WorkRequest] | None = None

    def opening(self, session_epoch: int) -> task_service_pb2.WorkRequest:
        """Names the leases held from before."""
        return task_service_pb2.WorkRequest(
            open=task_service_pb2.OpenWork(
                session_epoch=session_epoch, held_leases=[lease.key for lease in self._leases.values()]
            )
        )

    def attach(self, outbound: Outbound[task_service_pb2.WorkRequest], first: task_service_pb2.WorkResponse) -> None:
        """Stops what was lost meanwhile, sends reports again, grants credits."""
        self.outbound = outbound
        self._credits = 0
        kept = {(key.task_id, key.lease_epoch) for key in first.opened.kept_leases}
        for key, lease in list(self._leases.items()):
            if lease.report_frame is not None:
                # Also when the lease is gone: perhaps because this very report was taken. The answer will tell.
                outbound.send(lease.report_frame)
            elif key not in kept:
                self._lose(key, "the lease was lost while there was no stream")
        if self._draining:
            self._quiet.set()
        self._grant()

    def detach(self) -> None:
        """Handlers go on; what they report waits for the next stream."""
        self.outbound = None

    def take(self, frame: task_service_pb2.WorkResponse) -> None:
        """An assignment, an answer to a report, or the word to stop."""
        match frame.WhichOneof("frame"):
            case "assignment":
                self._begin(frame.assignment)
            case "accepted":
                self._forget((frame.accepted.lease.task_id, frame.accepted.lease.lease_epoch))
            case "refused":
                key = (frame.refused.lease.task_id, frame.refused.lease.lease_epoch)
                if key in self._leases:
                    _log.warning("task %s: report refused: %s", key[0], error_of_status(frame.refused.status))
                self._lose(key, "its report was refused")
            case "stop":
                self._lose((frame.stop.lease.task_id, frame.stop.lease.lease_epoch), frame.stop.reason)
            case _:
                pass

    async def beat(self) -> None:
        """Keeps the leases alive for as long as it runs, at a third of the shortest."""
        clock = asyncio.get_running_loop().time
        due = math.inf
        while True:
            self._taken.clear()
            if not self._leases:
                due = math.inf
                await self._taken.wait()
                continue
            due = min(due, clock() + min(lease.seconds for lease in self._leases.values()) / 3)
            try:
                async with asyncio.timeout_at(due):
                    await self._taken.wait()
            except TimeoutError:
                due = math.inf
                if self.outbound is not None and self._leases:
                    self.outbound.send(task_service_pb2.WorkRequest(heartbeat=task_service_pb2.WorkHeartbeat()))

    def hold(self, reopen: Callable[[], None], *, held: bool) -> None:
        """Takes nothing more while held; what it has it finishes. `reopen` opens a stream that has no credits yet."""
        self._held = held
        if held:
            reopen()
        else:
            self._grant()

    async def drain(self, stop: Stop, grace: float, reopen: Callable[[], None]) -> None:
        """Takes nothing more, gives handlers `grace` seconds, gives back the leases of those that did not finish.

        `reopen` opens another stream: on that no credits are granted, so that what is given back goes to others.
        """
        self._draining = True
        reopen()
        await stop.spare(self._quiet, _REOPEN_SECONDS)
        await stop.spare(self._empty, grace)
        for lease in list(self._leases.values()):
            lease.giving_back = True
            if lease.handler is not None:
                lease.handler.cancel()
        if not await Stop().spare(self._empty, _RELEASE_SECONDS):
            _log.warning("%d leases could not be given back; they will run out", len(self._leases))

    async def abandon(self) -> None:
        """Cancels every handler and reports nothing more: the leases are somebody else's, or will run out."""
        self._draining = True
        handlers = {lease.handler for lease in self._leases.values() if lease.handler is not None}
        self._leases.clear()
        self._empty.set()
        for handler in handlers:
            handler.cancel()
        if handlers:
            await asyncio.wait(handlers, timeout=_RELEASE_SECONDS)

    def _begin(self, assignment: task_service_pb2.TaskAssignment) -> None:
        self._credits -= 1
        task = assignment.task
        key = (task.id, task.lease_epoch)
        if key in self._leases:
            return
        for other in [other for other in self._leases if other[0] == task.id]:
            self._lose(other, "the task was given out again")
        lease = Lease(task, self)
        self._leases[key] = lease
        self._empty.clear()
        if self._draining:
            self._send_report(lease, reports.released(lease.key))
            return
        self._running += 1
        lease.handler = asyncio.create_task(self._run(assignment, lease), name=f"rookery task {task.id}")
        self._taken.set()

    async def _run(self, assignment: task_service_pb2.TaskAssignment, lease: Lease) -> None:
        try:
            report = await self._execute(assignment, lease)
        except asyncio.CancelledError as error:
            report = reports.released(lease.key) if lease.giving_back else reports.failed(lease.key, error)
        lease.handler = None
        self._running -= 1
        # Whoever lost the lease has nothing to report.
        if self._leases.get((lease.task.id, lease.task.lease_epoch)) is lease:
            self._send_report(lease, report)
        self._grant()

    def _send_report(self, lease: Lease, report: task_service_pb2.WorkRequest) -> None:
        lease.report_frame = report
        if self.outbound is not None:
            self.outbound.send(report)

    def _grant(self) -> None:
        count = self._concurrency - self._running - self._credits
        if self.outbound is None or self._draining or self._held or count < 1:
            return
        self._credits += count
        self.outbound.send(task_service_pb2.WorkRequest(credits=credits_pb2.GrantCredits(count=count)))

    def _lose(self, key: Key, why: str) -> None:
        lease = self._leases.get(key)
        if lease is None:
            return
        self._forget(key)
        if lease.handler is not None:
            _log.info("task %s: stopping: %s", key[0], why)
            lease.handler.cancel()

    def _forget(self, key: Key) -> None:
        self._leases.pop(key, None)
        if not self._leases:
            self._empty.set()
