"""`rookery up`: from the options to a suite that serves, and back to nothing."""

import asyncio
import os
import sys
import time
from typing import NoReturn

import psutil

from rookery_local.data_folder import DataFolder
from rookery_local.display import Display, open_display
from rookery_local.errors import CannotStart
from rookery_local.keyring import Keyring
from rookery_local.monitor import Monitor
from rookery_local.options import UpOptions
from rookery_local.pid_file import end_recorded
from rookery_local.ports import SERVICES, Ports, free_ports, standard_ports
from rookery_local.public_files import PublicFiles
from rookery_local.stop_requests import StopRequests, done_before
from rookery_local.suite import Programs, Suite

START_SECONDS = 60.0
EXIT_REFUSED = 1


def main(options: UpOptions) -> NoReturn:
    """Becomes `python -m rookery_local`, so that what the caller has imported does not stay in memory for days."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", "rookery_local", *options.arguments()])  # noqa: S606


def run(options: UpOptions, programs: Programs | None = None) -> int:
    """Runs the suite until it is asked to stop, and answers the exit code.

    0: stopped in good order; 1: it could not start, or was killed by a second request, with a line on standard error.
    """
    try:
        stopped = asyncio.run(_live(options, programs or Programs()))
    except CannotStart as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.strerror}: {error.filename}" if error.filename else str(error))
    return 0 if stopped else _refuse("stopped at once")


def _refuse(reason: str) -> int:
    sys.stderr.write(f"rookery up: {' '.join(reason.split())}\n")
    return EXIT_REFUSED


async def _live(options: UpOptions, programs: Programs) -> bool:
    """Answers whether it was stopped in good order."""
    requests = StopRequests.from_signals()
    folder = DataFolder(options.data_dir.resolve())
    with folder.locked():
        files = PublicFiles(folder, started=time.time())
        files.remove()
        left_behind = end_recorded(folder.pids)
        ports = free_ports() if options.free_ports else standard_ports()
        ports.require_free(with_nats=options.nats_url is None)
        display = open_display(options, sys.stdout)
        try:
            if left_behind:
                display.say(f"ended what an earlier start had left behind: {', '.join(left_behind)}")
            monitor = Monitor(files, display, {part: folder.log(part) for part in (*SERVICES, "postgres", "nats")})
            suite = Suite(
                options,
                folder,
                ports,
                Keyring.open(folder),
                programs=programs,
                inherited=os.environ,
                listener=monitor.changed,
            )
            monitor.parts = suite.parts
            return await _serve(suite, requests, monitor, display, files, ports)
        finally:
            display.close()
            files.remove()


async def _serve(
    suite: Suite, requests: StopRequests, monitor: Monitor, display: Display, files: PublicFiles, ports: Ports
) -> bool:
    refreshing = asyncio.create_task(monitor.run())
    try:
        if await done_before(requests.stop, suite.start(START_SECONDS)):
            files.write_context(ports, nats_url=suite.nats_url, postgres_url=suite.admin_url)
            display.ready(_ready_line(ports))
            await requests.stop.wait()
            display.say("stopping")
    finally:
        files.remove_context()
        in_good_order = await done_before(requests.kill, suite.stop())
        if not in_good_order:
            await suite.kill()
        refreshing.cancel()
        await asyncio.wait({refreshing})
    return in_good_order


def _ready_line(ports: Ports) -> str:
    seconds = time.time() - psutil.Process().create_time()
    places = [("gateway", "-"), *((service, ports.address(service)) for service in SERVICES)]
    return f"READY in {seconds:.1f}s  " + "  ".join(f"{name} {address}" for name, address in places)
