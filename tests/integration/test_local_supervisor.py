"""Supervision of small real child processes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import psutil
import pytest
from harness.eventually import eventually
from rookery_local.backoff import Backoff
from rookery_local.child import Child, Command
from rookery_local.errors import CannotStart
from rookery_local.pid_file import ProcessIdentity, end_recorded
from rookery_local.service_process import ServiceProcess
from rookery_local.supervisor import SupervisedPart, start_together
from rookery_local.unit import PartStatus, State

pytestmark = pytest.mark.capability("D1")

READY = (
    "import os, signal, socket, subprocess, sys, time\n"
    "def ready():\n"
    "    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:\n"
    "        s.sendto(b'STATUS=x', os.environ['NOTIFY_SOCKET'])\n"
    "        s.sendto(b'STATUS=x\\nREADY=1', os.environ['NOTIFY_SOCKET'])\n"
    "def wait():\n"
    "    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
    "    while True: signal.pause()\n"
)
SERVES = READY + "ready(); wait()"
STUBBORN = READY + "signal.signal(signal.SIGTERM, signal.SIG_IGN); ready()\nwhile True: signal.pause()"
REFUSES = "import sys; sys.stderr.write('{}\\nrookery-x: cannot start: no database\\n'); sys.exit(3)"
CRASHES = "raise SystemExit('out of luck')"
HANGS = READY + "wait()"
# Serves with a child below that ignores the end of its parent.
PARENT = READY + (
    "below = subprocess.Popen([sys.executable, '-S', '-c', 'import signal; signal.pause()'], start_new_session=True)\n"
    "print(below.pid, flush=True); ready(); wait()"
)
# Serves the first time, refuses while the file is there.
FUSSY = READY + (
    "if os.path.exists(sys.argv[1]): sys.exit('rookery-x: cannot start: the file is there')\nready(); wait()"
)

MakeService = Callable[..., ServiceProcess]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[MakeService]:
    """Makes service processes out of programs; none is left after the test."""
    made: list[ServiceProcess] = []

    def make(program: str, *arguments: str, grace_seconds: float = 10.0, start_seconds: float = 30.0) -> ServiceProcess:
        number = len(made)
        command = Command(
            (sys.executable, "-S", "-c", program, *arguments),
            tmp_path / f"{number}.log",
            pid_file=tmp_path / "pids" / f"{number}.pid",
        )
        socket = tmp_path / f"{number}.notify"
        unit = ServiceProcess(command, socket=socket, grace_seconds=grace_seconds, start_seconds=start_seconds)
        made.append(unit)
        return unit

    yield make
    for unit in made:
        await unit.kill()


def quick(service: ServiceProcess, heard: list[PartStatus] | None = None, name: str = "x") -> SupervisedPart:
    listener = (lambda _status: None) if heard is None else heard.append
    return SupervisedPart(name, service, backoff=Backoff(first=0.01, longest=0.05), listener=listener)


def pid_of(part: SupervisedPart | ServiceProcess) -> int:
    pid = part.status.pid if isinstance(part, SupervisedPart) else part.pid
    assert pid is not None
    return pid


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def serves_again(part: SupervisedPart, restarts: int) -> bool:
    return part.status.state is State.SERVING and part.status.restarts == restarts


async def test_a_service_has_started_when_it_says_that_it_serves(service: MakeService, tmp_path: Path) -> None:
    unit = service(SERVES)
    await unit.start()
    assert is_alive(pid_of(unit))
    assert not (tmp_path / "0.notify").exists()
    await unit.stop()
    assert unit.pid is None


@pytest.mark.parametrize(
    ("program", "reason"),
    [(REFUSES, "^no database$"), (CRASHES, "^ended with exit code 1: out of luck$"), ("", "exit code 0: it wrote no")],
)
async def test_a_service_that_does_not_start_gives_its_reason(service: MakeService, program: str, reason: str) -> None:
    unit = service(program)
    with pytest.raises(CannotStart, match=reason):
        await unit.start()
    assert unit.pid is None


async def test_a_service_that_never_serves_is_ended_and_its_log_named(service: MakeService, tmp_path: Path) -> None:
    unit = service(HANGS, start_seconds=0.3)
    with pytest.raises(CannotStart, match=r"not SERVING after 0\.3 s: see .*0\.log"):
        await unit.start()
    assert unit.pid is None
    assert not (tmp_path / "pids" / "0.pid").exists()


async def test_a_program_that_is_not_there_is_the_reason(tmp_path: Path) -> None:
    unit = ServiceProcess(Command(("/no/such/program",), tmp_path / "log"), socket=tmp_path / "s")
    with pytest.raises(CannotStart, match="cannot execute /no/such/program: No such file"):
        await unit.start()


async def test_a_part_that_dies_comes_back_and_is_counted(service: MakeService) -> None:
    heard: list[PartStatus] = []
    part = quick(service(SERVES), heard)
    await part.start()
    for count in range(1, 4):
        os.kill(pid_of(part), signal.SIGKILL)
        await eventually(partial(serves_again, part, count))
    assert part.status.restarts == 3
    assert part.status.problem == "ended by SIGKILL"
    await part.stop()
    starts_and_ends = [State.STARTING, State.SERVING, *[State.BACKING_OFF, State.STARTING, State.SERVING] * 3]
    assert [status.state for status in heard] == [*starts_and_ends, State.STOPPING, State.STOPPED]


async def test_a_part_that_cannot_come_back_is_tried_until_it_can(service: MakeService, tmp_path: Path) -> None:
    obstacle = tmp_path / "obstacle"
    part = quick(service(FUSSY, str(obstacle)))
    await part.start()
    obstacle.touch()
    os.kill(pid_of(part), signal.SIGTERM)
    await eventually(lambda: part.status.restarts > 3)
    assert part.status.problem == "the file is there"
    obstacle.unlink()
    await eventually(lambda: part.status.state is State.SERVING)
    await part.stop()


async def test_a_part_that_cannot_start_first_is_named_and_stops_those_beside_it(service: MakeService) -> None:
    good, bad = quick(service(SERVES), name="good"), quick(service(REFUSES), name="bad")
    with pytest.raises(CannotStart, match=r"^bad: no database$"):
        await start_together([good, bad])
    assert [part.status.state for part in (good, bad)] == [State.STOPPED, State.STOPPED]
    assert [part.status.pid for part in (good, bad)] == [None, None]


async def test_a_start_that_is_given_up_leaves_nothing(service: MakeService) -> None:
    parts = [quick(service(SERVES)), quick(service(HANGS))]
    starting = asyncio.create_task(start_together(parts))
    await eventually(lambda: parts[0].status.state is State.SERVING and parts[1].status.pid)
    pids = [pid_of(part) for part in parts]
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not any(map(is_alive, pids))


async def test_a_part_stopped_while_it_waits_for_its_next_start_stays_stopped(service: MakeService) -> None:
    part = SupervisedPart("x", service(SERVES), backoff=Backoff(first=60.0, longest=60.0))
    await part.start()
    os.kill(pid_of(part), signal.SIGKILL)
    await eventually(lambda: part.status.state is State.BACKING_OFF)
    await part.stop()
    assert part.status.state is State.STOPPED
    assert part.status.pid is None


async def test_one_that_does_not_heed_the_request_to_stop_is_killed_after_its_grace(service: MakeService) -> None:
    part = quick(service(STUBBORN, grace_seconds=0.2))
    await part.start()
    pid = pid_of(part)
    await part.stop()
    assert not is_alive(pid)


@pytest.mark.parametrize("way", ["stop", "kill"])
async def test_what_a_service_had_started_is_gone_with_it(service: MakeService, tmp_path: Path, way: str) -> None:
    unit = service(PARENT)
    await unit.start()
    below = int((tmp_path / "0.log").read_text())
    assert is_alive(below)
    await getattr(unit, way)()
    await eventually(lambda: not is_alive(below))


async def test_what_a_killed_runner_left_behind_is_found_by_its_record_and_ended(
    service: MakeService, tmp_path: Path
) -> None:
    unit = service(PARENT)
    await unit.start()
    pid, below = pid_of(unit), int((tmp_path / "0.log").read_text())
    (tmp_path / "pids" / "damaged.pid").write_text("12")
    ProcessIdentity(os.getpid(), psutil.Process().create_time() - 1000).write(tmp_path / "pids" / "reused.pid")
    assert end_recorded(tmp_path / "pids") == ["0"]
    assert not is_alive(pid)
    assert not is_alive(below)
    assert list((tmp_path / "pids").iterdir()) == []


async def test_a_child_writes_to_a_log_that_is_set_aside_when_it_has_grown_large(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(b"old" * 6_000_000)
    child = Child.spawn(Command((sys.executable, "-S", "-c", "print('new')"), log))
    assert await child.wait() == 0
    assert child.output() == "new\n"
    assert log.read_text() == "new\n"
    assert (tmp_path / "x.log.1").stat().st_size == 18_000_000
