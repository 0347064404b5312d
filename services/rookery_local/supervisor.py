"""Keeps the parts of the suite running."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable

from rookery_local.backoff import Backoff
from rookery_local.errors import CannotStart
from rookery_local.service_process import describe_exit
from rookery_local.unit import PartStatus, State, Unit

Listener = Callable[[PartStatus], None]


class SupervisedPart:
    """One part: started once by `start`, then started again whenever it dies, until it is stopped."""

    def __init__(
        self,
        name: str,
        unit: Unit,
        *,
        port: int | None = None,
        metrics_port: int | None = None,
        backoff: Backoff | None = None,
        listener: Listener = lambda _status: None,
    ) -> None:
        self.name = name
        self._unit = unit
        self._ports = (port, metrics_port)
        self._backoff = backoff or Backoff()
        self._listener = listener
        self._state = State.STOPPED
        self._since = time.time()
        self._serving_from = 0.0
        self._restarts = 0
        self._problem = ""
        self._keeping: asyncio.Task[None] | None = None

    @property
    def status(self) -> PartStatus:
        """Where the part stands now."""
        port, metrics_port = self._ports
        return PartStatus(
            self.name, self._state, self._unit.pid, port, metrics_port, self._restarts, self._since, self._problem
        )

    async def start(self) -> None:
        """Starts the part for the first time. Raises CannotStart, naming the part; then it stays stopped."""
        self._enter(State.STARTING)
        try:
            await self._unit.start()
        except CannotStart as error:
            self._enter(State.STOPPED, str(error))
            raise CannotStart(f"{self.name}: {error}") from None
        except BaseException:
            self._enter(State.STOPPED)
            raise
        self._enter(State.SERVING)
        self._keeping = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """Ends the part in good order; it is not started again."""
        await self._end(self._unit.stop)

    async def kill(self) -> None:
        """Ends the part at once; it is not started again."""
        await self._end(self._unit.kill)

    async def _end(self, end: Callable[[], Coroutine[None, None, None]]) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
        if self._state is not State.STOPPED:
            self._enter(State.STOPPING)
        await end()
        self._enter(State.STOPPED)

    async def _keep_running(self) -> None:
        while True:
            code = await self._unit.wait()
            self._enter(State.BACKING_OFF, describe_exit(code))
            uptime = time.monotonic() - self._serving_from
            while self._state is not State.SERVING:
                await asyncio.sleep(self._backoff.next(uptime))
                uptime = 0.0
                self._restarts += 1
                self._enter(State.STARTING)
                try:
                    await self._unit.start()
                except Exception as error:
                    # Whatever it was, giving up on the part would be worse; the listener shows the reason.
                    self._enter(State.BACKING_OFF, str(error))
                else:
                    self._enter(State.SERVING)

    def _enter(self, state: State, problem: str | None = None) -> None:
        self._state = state
        self._since = time.time()
        if state is State.SERVING:
            self._serving_from = time.monotonic()
        if problem is not None:
            self._problem = problem
        self._listener(self.status)


async def start_together(parts: Iterable[SupervisedPart]) -> None:
    """Starts parts at the same time, all or none: the first that cannot start stops the others and is raised."""
    parts = tuple(parts)
    starting = [asyncio.create_task(part.start()) for part in parts]
    try:
        await asyncio.gather(*starting)
    except BaseException:
        for task in starting:
            # Those that were cancelled from outside are cleaning up already; a second blow would interrupt that.
            if not task.cancelling():
                task.cancel()
        await asyncio.wait(starting)
        await asyncio.shield(asyncio.gather(*(part.kill() for part in parts)))
        raise
