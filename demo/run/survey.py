"""The run itself: start everything, do the job, kill and recover, compare, stop."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rookery_sdk import Client, decode

from demo.agents.capabilities import INVENTORY
from demo.display import Display
from demo.failure import DemoFailed
from demo.mail.accounts import Accounts, settle
from demo.mail.record import Entry, entries
from demo.run.beside import beside
from demo.run.expectation import Expectation
from demo.run.job import ENDED, Job
from demo.run.kills import Kills, Recovery, order
from demo.run.outcome import Outcome
from demo.run.verdict import check_results, count_tasks, count_tool_calls
from demo.sources.direct import GitCommand
from demo.stage.fleet import Fleet, Ground
from demo.stage.footprint import Footprint
from demo.stage.servers import DocumentsServer, StdioServer, register, write_settings
from demo.stage.suite import LocalSuite

ARCHIVIST = "archivist"
_JOB_SECONDS = 180.0
_MAIL_SECONDS = 30.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a run takes place. `servers` are published MCP servers, `data_dir` a folder of the run's own."""

    data_dir: Path
    ground: Ground
    servers: list[StdioServer]
    seed: int | None


class Run:
    """One run. `footprint` is the caller's, who looks at it after everything has stopped."""

    def __init__(self, setting: Setting, display: Display, footprint: Footprint) -> None:
        self._setting = setting
        self._display = display
        self._footprint = footprint
        self.report = ""

    async def live(self) -> Outcome:
        """Runs from start to stop. Raises DemoFailed; nothing runs any more when this returns or raises."""
        begun = time.monotonic()
        ground = self._setting.ground
        expectation = Expectation(ground.root, await self._files(), ground.revision)
        before = await expectation.work_out()
        async with self._suite() as (suite, documents), Client.connect(suite.context) as client:
            self._display.say(f"all SERVING after {suite.ready_seconds:.1f} s")
            await register(client, self._setting.servers, documents.url)
            async with self._fleet(client, suite) as fleet:
                job, recoveries = await self._work(client, suite, fleet)
                self._display.say("the job is done; comparing")
                self.report = self._report_of(job)
                mail = await self._settled(fleet)
                tasks = await count_tasks(client, job)
                tool_calls = await count_tool_calls(client)
                changing = check_results(job.tasks.values(), before, await expectation.work_out())
        return Outcome(
            tasks=tasks,
            mail=mail,
            tool_calls=tool_calls,
            recoveries=tuple(recoveries),
            changing=changing,
            ready_seconds=suite.ready_seconds,
            total_seconds=time.monotonic() - begun,
            peak_bytes=self._footprint.peak_bytes,
        )

    async def _files(self) -> Path:
        """Where the files lie as the fleet will see them."""
        ground = self._setting.ground
        if not ground.committed:
            return ground.root
        return await GitCommand(ground.root).export(ground.revision, self._setting.data_dir / "committed")

    @asynccontextmanager
    async def _suite(self) -> AsyncIterator[tuple[LocalSuite, DocumentsServer]]:
        data_dir = self._setting.data_dir
        write_settings(data_dir / "rookery.yaml", self._setting.servers)
        async with AsyncExitStack() as stack:
            suite = LocalSuite.spawn(data_dir)
            stack.push_async_callback(suite.stop)
            documents = DocumentsServer.spawn(self._setting.ground.root, data_dir / "logs")
            stack.push_async_callback(documents.stop)
            stack.push_async_callback(self._before_stop, "the suite")
            await suite.until_ready()
            await documents.until_ready()
            for part in suite.parts().values():
                self._footprint.expect_closed((part.port, part.metrics_port))
            self._footprint.expect_closed((documents.port,))
            yield suite, documents

    async def _before_stop(self, what: str) -> None:
        self._display.say(f"stopping {what}")
        await asyncio.to_thread(self._footprint.sample)

    @asynccontextmanager
    async def _fleet(self, client: Client, suite: LocalSuite) -> AsyncIterator[Fleet]:
        """The fleet at work, but for the archivist, which is known and away."""
        roles = {
            ARCHIVIST: ARCHIVIST,
            "librarian": "librarian",
            "surveyor": "surveyor",
            "reader-1": "reader",
            "reader-2": "reader",
            "link-checker": "link-checker",
        }
        if self._setting.ground.revision:
            roles["historian"] = "historian"
        fleet = Fleet(client, suite.context, self._setting.ground, roles)
        try:
            await fleet.enroll()
            for name in fleet.names:
                fleet.start(name)
            await fleet.until_online(fleet.names)
            await fleet.stop([ARCHIVIST])
            await fleet.until_offline(ARCHIVIST)
            self._display.say(f"{len(fleet.names)} agents enrolled; {ARCHIVIST} has gone offline for now")
            yield fleet
        finally:
            await self._before_stop("the agents")
            await fleet.stop(fleet.names)

    async def _work(self, client: Client, suite: LocalSuite, fleet: Fleet) -> tuple[Job, list[Recovery]]:
        job = await Job.submit(client)
        kills = Kills(suite, fleet, job, self._display.say)

        async def work() -> list[Recovery]:
            recoveries = await kills.run(order(self._setting.seed), self._footprint.sample)
            await job.until_done(1.0, _JOB_SECONDS)
            waiting = sum(entry.peer == ARCHIVIST for name in fleet.names for entry in _acknowledged(fleet, name))
            fleet.start(ARCHIVIST)
            self._display.say(f"{ARCHIVIST} starts; {waiting} messages wait for it")
            await job.until(lambda: all(task.state in ENDED for task in job.tasks.values()), "the report", _JOB_SECONDS)
            return recoveries

        return job, await beside(work(), job.run(), self._footprint.run(), self._show(job))

    async def _show(self, job: Job) -> None:
        while True:
            done = sum(task.state in ENDED for task in job.tasks.values())
            self._display.progress(done, len(job.tasks), len(job.in_flight))
            await asyncio.sleep(_POLL_SECONDS)

    async def _settled(self, fleet: Fleet) -> Accounts:
        """The mail once nothing that was acknowledged is missing. Raises DemoFailed."""
        names = {agent_id: name for name, agent_id in fleet.ids.items()}
        give_up = time.monotonic() + _MAIL_SECONDS
        while True:
            accounts = settle({name: entries(fleet.mail_record(name)) for name in fleet.names}, names)
            if not accounts.missing or time.monotonic() > give_up:
                break
            await asyncio.sleep(_POLL_SECONDS)
        if accounts.missing:
            raise DemoFailed(f"{len(accounts.missing)} messages never arrived, such as {accounts.missing[0]}")
        if accounts.unknown:
            raise DemoFailed(f"{len(accounts.unknown)} messages came that nobody sent, such as {accounts.unknown[0]}")
        return accounts

    @staticmethod
    def _report_of(job: Job) -> str:
        report = decode(job.tasks[job.survey_id].output)
        inventory = next(task for task in job.tasks.values() if task.capability == INVENTORY)
        found = decode(inventory.output)
        if not isinstance(report, str) or not isinstance(found, dict):
            raise DemoFailed("the survey did not end with a report")
        if unnamed := [each["path"] for each in found["documents"] if f"`{each['path']}`" not in report]:
            raise DemoFailed(f"the report leaves out {unnamed[0]}")
        return report


def _acknowledged(fleet: Fleet, name: str) -> list[Entry]:
    return [entry for entry in entries(fleet.mail_record(name)) if entry.event == "acknowledged"]
