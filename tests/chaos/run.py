"""One chaos run, from the first message to the verdict."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from google.protobuf.field_mask_pb2 import FieldMask
from harness.eventually import eventually
from harness.history import Finding, History, Kind
from harness.sdk_agents import find_agent
from rookery.auth.v1 import tenant_pb2, tenant_service_pb2
from rookery.orchestrator.v1 import dead_letter_service_pb2, message_service_pb2
from rookery.registry.v1 import agent_pb2
from rookery_sdk import Client, RookeryError, SuiteContext

from chaos.journal import read_history, read_journal
from chaos.plan import Kill, kills
from chaos.stage import Stage, set_stage

SENDERS = 3
RECEIVERS = 2
_RECOVERY_SECONDS = 90.0
_SETTLING_SECONDS = 120.0
_PAUSE = 0.01
_REFUSE_EVERY = 50


@dataclass
class Report:
    """What a run showed. `recoveries` are the seconds from a restart until messages were handled again, by victim."""

    seed: int
    seconds: float = 0.0
    history: History = field(default_factory=History)
    findings: Sequence[Finding] = ()
    left: dict[str, int] = field(default_factory=dict)
    dead_letters: int = 0
    missing_in_trail: int = 0
    stalled: str = ""
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def flawless(self) -> bool:
        """Whether every promise was kept."""
        broken = self.findings or any(self.left.values()) or self.dead_letters or self.missing_in_trail
        return not (broken or self.stalled)

    def lines(self) -> Iterable[str]:
        """The report for people."""
        counts = {kind: self.history.count(kind) for kind in Kind}
        yield f"seed {self.seed}: {self.seconds:.0f} s, {sum(map(len, self.recoveries.values()))} kills"
        yield (
            f"messages: {counts[Kind.ACCEPTED]} accepted, {counts[Kind.DELIVERED]} deliveries, "
            f"{counts[Kind.NACKED]} refused once, {counts[Kind.EFFECT]} handled, {counts[Kind.SETTLED]} confirmed"
        )
        for victim, seconds in sorted(self.recoveries.items()):
            yield (
                f"  {victim}: {len(seconds)} kills, handling again after {median(seconds):.1f} s, "
                f"at most {max(seconds):.1f} s"
            )
        yield from (f"BROKEN: {finding}" for finding in self.findings)
        yield from (
            f"BROKEN: {count} messages are left in the mailbox of {name}" for name, count in self.left.items() if count
        )
        if self.stalled:
            yield f"BROKEN: after {self.stalled} not every receiver handled something within {_RECOVERY_SECONDS:.0f} s"
        if self.dead_letters:
            yield f"BROKEN: {self.dead_letters} messages were given up though none was refused more than once"
        if self.missing_in_trail:
            yield f"BROKEN: {self.missing_in_trail} accepted messages are missing in the audit trail"
        yield "every promise was kept" if self.flawless else f"repeat it with --seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Crowd:
    """What keeps mailboxes full: how many seconds one of the receivers takes for a message, and how many messages may
    wait in all mailboxes together; 0: no limit.
    """

    slowness: float = 0.0
    room: int = 0


async def run(
    seed: int, seconds: float, say: Callable[[str], None], crowd: Crowd | None = None, logs: Path | None = None
) -> Report:
    """Runs for so long under kills that the seed chooses, lets everything settle, and judges the history.

    `say` is told, a line at a time, what happens. Journals and logs are kept in a folder `logs`; None: nowhere.
    """
    crowd = crowd or Crowd()
    say(f"chaos: seed {seed}, {seconds:.0f} s")
    report = Report(seed)
    async with (
        set_stage(logs) as stage,
        Client(SuiteContext.read(stage.contexts[0]), patience=_SETTLING_SECONDS) as client,
    ):
        recipients = await _start_receivers(stage, client, crowd)
        if crowd.room:
            await _limit(client, crowd.room)
        for number in range(SENDERS):
            await stage.add(f"sender-{number}", "chaos.sender", recipients=recipients, pause=_PAUSE).start()
        await _progress(stage, RECEIVERS, within=_RECOVERY_SECONDS)
        begun = time.monotonic()
        for kill in kills(seed, stage.victims()):
            if time.monotonic() - begun > seconds:
                break
            try:
                took = await _strike(stage, kill)
            except AssertionError:
                report.stalled = f"{kill.victim} was killed"
                say(f"  {time.monotonic() - begun:5.1f} s: {kill.victim} killed, and not all receivers go on")
                break
            report.recoveries[kill.victim].append(took)
            say(
                f"  {time.monotonic() - begun:5.1f} s: {kill.victim} killed, {kill.absence:.1f} s away, "
                f"handling again {took:.1f} s after its return"
            )
        report.seconds = time.monotonic() - begun
        await asyncio.gather(*(player.stop() for name, player in stage.players.items() if name.startswith("sender")))
        await _settle(stage, client, recipients, report)
    return report


async def _limit(client: Client, room: int) -> None:
    request = tenant_service_pb2.UpdateTenantRequest(
        tenant_id="default",
        update_mask=FieldMask(paths=["quotas"]),
        quotas=tenant_pb2.Quotas(max_mailbox_messages=room),
    )
    await client.tenants.UpdateTenant(request)


async def _start_receivers(stage: Stage, client: Client, crowd: Crowd) -> dict[str, str]:
    """Starts the receivers, of which the first may be slow; answers the ids of their agents by name."""
    recipients: dict[str, str] = {}
    for number in range(RECEIVERS):
        name = f"receiver-{number}"
        await stage.add(
            name, "chaos.receiver", pause=0.0 if number else crowd.slowness, refuse_every=_REFUSE_EVERY
        ).start()

        async def online(wanted: str = name) -> agent_pb2.Agent | None:
            agent = await find_agent(client, wanted)
            return agent if agent and agent.status == agent_pb2.AGENT_STATUS_ONLINE else None

        agent = await eventually(online, within=_RECOVERY_SECONDS, retry=(RookeryError,))
        assert agent is not None
        recipients[name] = agent.id
    return recipients


async def _strike(stage: Stage, kill: Kill) -> float:
    """Kills one and starts it again; answers after how many seconds each receiver handled something again."""
    await _pause(kill.peace)
    await stage.kill(kill.victim)
    await _pause(kill.absence)
    await stage.start(kill.victim)
    returned = time.monotonic()
    await _progress(stage, RECEIVERS, within=_RECOVERY_SECONDS)
    return time.monotonic() - returned


async def _progress(stage: Stage, receivers: int, *, within: float) -> None:
    """Waits until so many receivers have handled something more than they had."""
    journals = [stage.folder / f"receiver-{number}.journal" for number in range(receivers)]
    before = [_effects(journal) for journal in journals]
    await eventually(
        lambda: all(_effects(journal) > count for journal, count in zip(journals, before, strict=True)),
        within=within,
        every=0.1,
    )


def _effects(journal: Path) -> int:
    return sum(note.kind is Kind.EFFECT for _, note in read_journal(journal))


async def _pause(seconds: float) -> None:
    try:
        await asyncio.wait_for(asyncio.Event().wait(), seconds)
    except TimeoutError:
        return


async def _settle(stage: Stage, client: Client, recipients: dict[str, str], report: Report) -> None:
    """Waits until all that was accepted was handled, as far as it comes to that, and looks at what there is."""
    try:
        await eventually(lambda: not read_history(stage.folder).unfinished(), within=_SETTLING_SECONDS, every=0.5)
        await eventually(lambda: _empty(client, recipients), within=_SETTLING_SECONDS, retry=(RookeryError,))
    except AssertionError:
        # The verdict names what is missing.
        pass
    report.history = read_history(stage.folder)
    report.findings = report.history.check()
    report.left = await _left(client, recipients)
    request = dead_letter_service_pb2.ListDeadLettersRequest(page_size=1000)
    report.dead_letters = len((await client.dead_letters.ListDeadLetters(request)).dead_letters)
    accepted = {note.message_id for note in report.history.notes if note.kind is Kind.ACCEPTED}
    try:
        await eventually(lambda: _complete(client, accepted), within=60, every=0.5, retry=(RookeryError,))
    except AssertionError:
        report.missing_in_trail = len(accepted - await _in_trail(client))


async def _left(client: Client, recipients: dict[str, str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, agent_id in recipients.items():
        answer = await client.messages.GetMailbox(message_service_pb2.GetMailboxRequest(agent_id=agent_id))
        counts[name] = sum(depth.messages for depth in answer.mailbox.depths)
    return counts


async def _empty(client: Client, recipients: dict[str, str]) -> bool:
    return not any((await _left(client, recipients)).values())


async def _complete(client: Client, accepted: set[str]) -> bool:
    return accepted <= await _in_trail(client)


async def _in_trail(client: Client) -> set[str]:
    found: set[str] = set()
    request = message_service_pb2.ListMessagesRequest(page_size=1000)
    while True:
        page = await client.messages.ListMessages(request, timeout=30)
        found.update(record.message.id for record in page.messages)
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token
