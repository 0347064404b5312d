"""Looking at mailboxes, and emptying them by force."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from rookery_kit.errors import PermissionMissing
from rookery_kit.identity import Principal

from rookery_orchestrator.directory import AgentDirectory, Metadata
from rookery_orchestrator.mailbox.model import MessageState, Priority
from rookery_orchestrator.mailbox.outcome_log import OutcomeLog
from rookery_orchestrator.mailbox.presence import Presence
from rookery_orchestrator.mailbox.stored_mail import Standing, StoredMail
from rookery_orchestrator.session_errors import NotAnAgent

MANAGE = "messages:manage"

# Given a tenant and an agent: how many of its dead letters wait.
CountDead = Callable[[str, str], Awaitable[int]]
# Given a tenant, an agent and a priority (None: all): removes what waits for its time, and answers how much.
CancelDelayed = Callable[[str, str, Priority | None], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class MailboxView:
    """A mailbox at one moment. `receiving` is the session of the stream that receives from it; None: there is none."""

    agent_id: str
    standing: Standing
    dead_letters: int
    receiving: int | None


class TendMailbox:
    """An agent tends its own mailbox; who holds messages:manage tends any in the tenant."""

    def __init__(
        self,
        mail: StoredMail,
        presence: Presence,
        outcomes: OutcomeLog,
        directory: AgentDirectory,
        count_dead: CountDead,
        cancel_delayed: CancelDelayed,
    ) -> None:
        self._cancel_delayed = cancel_delayed
        self._mail = mail
        self._presence = presence
        self._outcomes = outcomes
        self._directory = directory
        self._count_dead = count_dead

    async def look(self, caller: Principal, agent_id: str, forward: Metadata) -> MailboxView:
        """How the mailbox stands; no agent named: the caller's.

        Raises PermissionMissing, NotAnAgent, AgentUnknown or Unavailable.
        """
        owner = await self._owner(caller, agent_id, forward)
        return MailboxView(
            owner,
            await self._mail.standing(caller.tenant, owner),
            await self._count_dead(caller.tenant, owner),
            await self._presence.session_of(caller.tenant, owner),
        )

    async def purge(
        self,
        caller: Principal,
        agent_id: str,
        priority: Priority | None,
        before: datetime | None,
        forward: Metadata,
    ) -> tuple[str, int]:
        """Removes what was stored before a time, or is there now; answers whose mailbox that was, and how much.

        Without a time, what waits for its time of delivery goes as well. Each stored piece is marked in the audit trail
        before it is removed. Cut off, it has removed a part. Raises as `look`.
        """
        owner = await self._owner(caller, agent_id, forward)
        # First what waits for its time, so that it does not arrive in between.
        purged = 0 if before else await self._cancel_delayed(caller.tenant, owner, priority)
        last = await self._mail.last_place()
        for each in Priority if priority is None else (priority,):
            async for page in self._mail.pages(caller.tenant, owner, each, last=last, before=before):
                envelopes = [piece.envelope for piece in page if piece.envelope is not None]
                await self._outcomes.store(caller.tenant, envelopes, MessageState.PURGED)
                purged += await self._mail.remove(caller.tenant, owner, each, page[-1].sequence)
        return owner, purged

    async def _owner(self, caller: Principal, agent_id: str, forward: Metadata) -> str:
        if not agent_id and caller.kind != "agent":
            raise NotAnAgent(caller.subject)
        owner = agent_id.lower() or caller.identifier
        if (caller.kind != "agent" or owner != caller.identifier) and not caller.permits(MANAGE):
            raise PermissionMissing(MANAGE)
        return (await self._directory.find(caller.tenant, owner, forward)).id
