"""From the command line to the exit code: one run after another, and a stop in good order at any moment."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from rich.console import Console
from rookery_sdk import RookeryError

from demo.display import Display, open_display
from demo.failure import DemoFailed
from demo.options import ROOT, Options
from demo.run.survey import Run, Setting
from demo.sources.direct import GitCommand
from demo.stage.fleet import Ground
from demo.stage.footprint import Footprint
from demo.stage.servers import StdioServer, filesystem_server, git_server

EXIT_FAILED = 1
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """A signal asked for a stop."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.number = number


def run_all(options: Options) -> int:
    """Runs as often as asked, and answers the exit code: 0, 1 at the first failure, 128 + n after signal n."""
    console = Console(highlight=False)
    try:
        for number in range(1, options.repeat + 1):
            if options.repeat > 1:
                console.print(f"run {number} of {options.repeat}")
            asyncio.run(_until_signalled(_run(options, console)))
    except (DemoFailed, RookeryError) as error:
        console.print(f"demo: failed: {error}", soft_wrap=True, markup=False)
        return EXIT_FAILED
    except Interrupted as interrupted:
        console.print(f"demo: stopped by {interrupted}")
        return 128 + interrupted.number
    return 0


async def _until_signalled(work: Coroutine[Any, Any, None]) -> None:
    """Runs the work; the first signal cancels it, and it cleans up before Interrupted is raised."""
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(work)
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if not received:
            received.append(number)
            running.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        await running
    except asyncio.CancelledError:
        if not received:
            raise
        raise Interrupted(received[0]) from None


async def _run(options: Options, console: Console) -> None:
    data_dir = Path(tempfile.mkdtemp(prefix="rookery-demo-"))
    display = open_display(console, quiet=options.quiet)
    footprint = Footprint()
    keep = True
    try:
        run = Run(await _setting(data_dir, options.seed, display), display, footprint)
        outcome = await run.live()
        await _require_nothing_left(footprint)
        keep = options.keep
    except asyncio.CancelledError:
        await _require_nothing_left(footprint)
        keep = options.keep
        raise
    finally:
        display.close()
        if keep:
            console.print(f"logs and data are in {data_dir}", soft_wrap=True)
        else:
            shutil.rmtree(data_dir, ignore_errors=True)
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(run.report, encoding="utf-8")
    outcome.show(console)
    console.print(f"the report is in {options.report}", soft_wrap=True)
    console.print("demo: ok")


async def _setting(data_dir: Path, seed: int | None, display: Display) -> Setting:
    """Chooses the published MCP servers by what is there. Raises DemoFailed when there is none to be had."""
    revision = await GitCommand(ROOT).head()
    servers: list[StdioServer] = []
    files = await asyncio.to_thread(filesystem_server, ROOT)
    if isinstance(files, str):
        if not revision:
            raise DemoFailed(f"no published MCP server can run: {files}, and this is no git checkout with a commit")
        display.say(f"{files}: mcp-server-git serves the files instead of server-filesystem, as of the last commit")
    else:
        servers.append(files)
    if revision:
        servers.append(git_server(ROOT))
    else:
        display.say("this is no git checkout with a commit: nobody looks for the last change of documents")
    return Setting(data_dir, Ground(ROOT, revision, committed=isinstance(files, str)), servers, seed)


async def _require_nothing_left(footprint: Footprint) -> None:
    if left := await footprint.leftovers():
        raise DemoFailed(f"still there after the stop: {', '.join(left)}")
