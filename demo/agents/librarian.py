"""Runs the survey: hands out the work, gathers the results, writes the report."""

import asyncio
from dataclasses import dataclass, field
from typing import TypeVar

from rookery_sdk import Agent, Fail, MessageContext, TaskContext
from rookery_sdk import decode as decode_payload

from demo.agents.capabilities import AGE, ARCHIVE, INVENTORY, LINKS, SUMMARY, SURVEY
from demo.agents.desk import Desk
from demo.documents.kinds import Document, Kind
from demo.report.findings import Findings
from demo.report.page import write_page
from demo.work.coding import decode, encode
from demo.work.model import Age, Inventory, LinkCheck, Summary

T = TypeVar("T")
JOB = "job"
_TITLES = {SUMMARY: "Summarise", LINKS: "Check the links of", AGE: "Find the last change of"}


@dataclass(slots=True)
class HandedOut:
    """Ids of tasks by the path of their document."""

    by_capability: dict[str, dict[str, str]] = field(default_factory=lambda: {SUMMARY: {}, LINKS: {}, AGE: {}})


def prepare(agent: Agent, desk: Desk) -> None:
    """Gives the agent its handlers."""

    @agent.task(SURVEY)
    async def survey(ctx: TaskContext, _: object) -> object:
        # Run again after a crash, this asks for the same tasks under the same ids and so finds them as they are.
        labels = {JOB: ctx.task.id}
        first = await ctx.create_task(INVENTORY, title="Take the inventory", priority=10, labels=labels)
        inventory = await _result(ctx, first.id, Inventory)
        handed_out = HandedOut()

        async def hand_out(document: Document, capability: str) -> None:
            title = f"{_TITLES[capability]} {document.path}"
            task = await ctx.create_task(capability, encode(document), title=title[:500], labels=labels)
            handed_out.by_capability[capability][document.path] = task.id

        async with asyncio.TaskGroup() as group:
            for document in inventory.documents:
                for capability in _steps(document, dated=bool(desk.revision)):
                    group.create_task(hand_out(document, capability))
        paths = [document.path for document in inventory.documents]
        archive = await ctx.create_task(ARCHIVE, paths, title="See that all is filed", labels=labels)
        await ctx.progress(0.1, f"{len(paths)} documents handed out")
        findings = Findings(
            await _results(ctx, handed_out, SUMMARY, Summary),
            await _results(ctx, handed_out, LINKS, LinkCheck),
            await _results(ctx, handed_out, AGE, Age),
        )
        await ctx.progress(0.9, "waiting for the archivist")
        archived = await _result(ctx, archive.id, dict)
        if archived["missing"]:
            raise Fail(f"the archivist never heard of {', '.join(archived['missing'])}", reason="PART_MISSING")
        return write_page(findings, "The documents of this repository")

    async def note(_: MessageContext, __: dict[str, object]) -> None:
        """What the link checker tells is for the record; the report is made from results."""

    desk.receive(agent, note)


def _steps(document: Document, *, dated: bool) -> tuple[str, ...]:
    if document.kind is not Kind.MARKDOWN:
        return (SUMMARY,)
    return (SUMMARY, LINKS, AGE) if dated else (SUMMARY, LINKS)


async def _results(ctx: TaskContext, handed_out: HandedOut, capability: str, result: type[T]) -> dict[str, T]:
    tasks = handed_out.by_capability[capability]
    return {path: await _result(ctx, task_id, result) for path, task_id in tasks.items()}


async def _result(ctx: TaskContext, task_id: str, result: type[T]) -> T:
    """The output of a task when it has ended. Raises Fail when it has not completed."""
    task = await ctx.wait(task_id)
    if not task.HasField("output"):
        raise Fail(f"{task.title}: {task.error.reason} {task.error.message}", reason="PART_FAILED")
    return decode(result, decode_payload(task.output))
