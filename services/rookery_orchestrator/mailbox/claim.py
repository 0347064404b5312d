"""Which stream holds a mailbox: the fence between the receivers of one agent."""

import asyncio
from collections.abc import Callable

from nats.js.api import ConsumerInfo
from rookery_kit.bus import Bus, BusUnavailable
from rookery_kit.bus.subjects import PREFIX

from rookery_orchestrator.mailbox.consumers import Consumers, bus_errors
from rookery_orchestrator.mailbox.model import Priority
from rookery_orchestrator.session_errors import SessionSuperseded

_EPOCH = "rookery.session_epoch"
_HOLDER = "rookery.holder"
_BEARER = Priority.NORMAL
_RETRY_SECONDS = 0.5


def session_subject(tenant: str, agent_id: str) -> str:
    """Where it is told that another stream has taken over an agent's mailbox; `*` in both places for all."""
    return f"{PREFIX}.{tenant}.session.{agent_id}"


class Claim:
    """A stream's hold on a mailbox, written into the metadata of a consumer, where the broker puts claims in order.

    The last claim counts, unless its session is earlier than that of the claim before. Who has been superseded learns
    it from a notice; since a notice can be lost, it also looks after every reconnection, and each time that
    `now_and_then` (in seconds) is over. `began` is told how that consumer stands whenever the mailbox is taken.
    """

    def __init__(
        self,
        bus: Bus,
        consumers: Consumers,
        subject: str,
        session_epoch: int,
        holder: str,
        began: Callable[[Priority, ConsumerInfo], None],
        now_and_then: Callable[[], float],
    ) -> None:
        self._began = began
        self._now_and_then = now_and_then
        self._bus = bus
        self._consumers = consumers
        self._subject = subject
        self.session_epoch = session_epoch
        self.holder = holder
        self._look = asyncio.Event()

    async def take(self) -> None:
        """Takes the mailbox over. Raises SessionSuperseded when a later session holds it, or BusUnavailable."""
        present = await self._read()
        if present is not None and present[0] > self.session_epoch:
            raise SessionSuperseded
        metadata = {_EPOCH: str(self.session_epoch), _HOLDER: self.holder}
        self._began(_BEARER, await self._consumers.ensure(_BEARER, metadata))
        with bus_errors():
            await self._bus.client.publish(self._subject, self.holder.encode())

    def look(self) -> None:
        """Has the claim looked at soon."""
        self._look.set()

    async def until_superseded(self) -> None:
        """Waits until the mailbox is another's. Raises SessionSuperseded then."""
        while True:
            try:
                async with asyncio.timeout(self._now_and_then()):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()
            try:
                await self._verify()
            except BusUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)
                self._look.set()

    async def _verify(self) -> None:
        present = await self._read()
        if present is not None and present[1] == self.holder:
            return
        if present is not None and present[0] >= self.session_epoch:
            raise SessionSuperseded
        # The consumer is gone, or an earlier session wrote after this one.
        await self.take()

    async def _read(self) -> tuple[int, str] | None:
        info = await self._consumers.find(_BEARER)
        metadata = (info.config.metadata if info else None) or {}
        if _HOLDER not in metadata:
            return None
        return int(metadata[_EPOCH]), metadata[_HOLDER]
