"""Messages that wait for their time of delivery, in the database."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from rookery_kit.errors import ResourceExhausted, RookeryError
from rookery_kit.group_commit import GroupCommit

from rookery_orchestrator.mailbox.broker import MailBroker, Posted
from rookery_orchestrator.mailbox.model import Message, Priority

_BATCH = 256
_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 0.5
_POSTPONE_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class TooManyDelayed(ResourceExhausted):
    """As many messages as may wait for their time of delivery to one agent do so."""

    reason = "MAILBOX_FULL"

    def __init__(self, limit: int) -> None:
        said = f"at most {limit} messages wait for their time of delivery to one agent"
        super().__init__(said, retry_after=_POSTPONE_SECONDS, quota_violations=(("mailbox", said),), limit=str(limit))


@dataclass(frozen=True, slots=True)
class Delayed:
    """A message that waits. Its deliver_time is set."""

    tenant: str
    message: Message


@dataclass(slots=True)
class DueMail:
    """Messages whose time has come, and the indexes of those that are to be put off."""

    messages: Sequence[Delayed]
    postponed: set[int]


class DelayedStore(Protocol):
    """Keeps messages until their time. All methods raise Unavailable."""

    async def add(self, delayed: Sequence[Delayed]) -> Sequence[bool]:
        """Keeps messages, durably; for each whether its sender has one of this id that waits."""
        ...

    async def waiting(self, mailboxes: Sequence[tuple[str, str]]) -> Sequence[int]:
        """How many wait for each tenant and agent."""
        ...

    def due(self, most: int, postpone: float) -> AbstractAsyncContextManager[DueMail]:
        """Takes messages whose time has come, the earliest first, away from other replicas for the block.

        At its end they are removed, and those noted by index in `postponed` put off by `postpone` seconds.
        """
        ...

    async def now(self) -> datetime:
        """The database's time, by which it is decided what is due."""
        ...

    async def seconds_to_next(self) -> float | None:
        """When the next one is due; None: none waits."""
        ...

    async def cancel(self, tenant: str, agent_id: str, priority: Priority | None) -> int:
        """Removes what waits for an agent, of one priority or of all, and answers how many that were."""
        ...


class DelayedMail:
    """Accepts messages for later, and hands them to the broker when their time has come, at least once.

    What was handed over twice has the same id, so it is delivered once. Times are compared in the database.
    """

    def __init__(self, store: DelayedStore, broker: MailBroker, limit: int) -> None:
        self._store = store
        self._broker = broker
        self._limit = limit
        self._wake = asyncio.Event()
        self._adding: GroupCommit[Delayed, Posted] = GroupCommit(self._add)

    def put_all(self, delayed: Sequence[Delayed]) -> "asyncio.Future[Sequence[Posted]]":
        """Keeps messages and answers for each when that is durable. Raises Unavailable."""
        return self._adding.submit_all(delayed)

    async def run(self) -> None:
        """Hands over until cancelled. Outages of the database and the bus are waited out."""
        while True:
            self._wake.clear()
            try:
                if await self.hand_over() == _BATCH:
                    continue
                pause = await self._store.seconds_to_next()
            except RookeryError as error:
                _log.warning("delayed mail waits", reason=error.reason)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            await self._wait(_LOOK_SECONDS if pause is None else min(max(pause, 0.0), _LOOK_SECONDS))

    async def hand_over(self) -> int:
        """Hands over what is due, a batch at the most, and answers how many there were.

        Also what has expired since, which is delivered to nobody: so it is in the audit trail.
        """
        async with self._store.due(_BATCH, _POSTPONE_SECONDS) as due:
            by_tenant: defaultdict[str, list[int]] = defaultdict(list)
            for index, each in enumerate(due.messages):
                by_tenant[each.tenant].append(index)
            for tenant, indexes in by_tenant.items():
                posted = await self._broker.put_all(tenant, [due.messages[index].message for index in indexes])
                refused = {index for index, result in zip(indexes, posted, strict=True) if not isinstance(result, bool)}
                due.postponed |= refused
        return len(due.messages)

    async def _add(self, delayed: Sequence[Delayed]) -> Sequence[Posted]:
        mailboxes = list(dict.fromkeys((each.tenant, each.message.recipient_agent_id) for each in delayed))
        room = {
            mailbox: self._limit - count
            for mailbox, count in zip(mailboxes, await self._store.waiting(mailboxes), strict=True)
        }
        results: dict[int, Posted] = {}
        accepted: list[int] = []
        for index, each in enumerate(delayed):
            mailbox = each.tenant, each.message.recipient_agent_id
            if room[mailbox] <= 0:
                results[index] = TooManyDelayed(self._limit)
            else:
                room[mailbox] -= 1
                accepted.append(index)
        if accepted:
            known = await self._store.add([delayed[index] for index in accepted])
            results |= dict(zip(accepted, known, strict=True))
        self._wake.set()
        return [results[index] for index in range(len(delayed))]

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
