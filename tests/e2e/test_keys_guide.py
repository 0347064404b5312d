"""The commands on the operator's page about keys, docs/keys.md, are run as they stand there, in their order."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from harness.command_line import write_context
from harness.eventually import eventually
from harness.repository import ROOT
from harness.suite import Suite

BLOCK = re.compile(r"^```console\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL)


def steps() -> Iterator[str]:
    """The commands, and the comments that stand for what the operator does with auth."""
    for found in BLOCK.finditer((ROOT / "docs" / "keys.md").read_text(encoding="utf-8")):
        yield from found["lines"].splitlines()


class Shell:
    """One shell in the operator's folder, so that its variables last."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, command: str) -> tuple[int, str]:
        """The exit code of a command, and what it printed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f'{command}\necho "<$?>"\n'.encode())
        await self._process.stdin.drain()
        lines: list[str] = []
        while True:
            line = (await asyncio.wait_for(self._process.stdout.readline(), 60)).decode()
            assert line, "the shell has ended"
            if ended := re.fullmatch(r"<(\d+)>\n", line):
                return int(ended[1]), "".join(lines)
            lines.append(line)


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return {"auth": {"SIGNING_KEY_ACTIVATION_SECONDS": "5"}}


@pytest.fixture
async def shell(suite: Suite, tmp_path: Path) -> AsyncIterator[Shell]:
    write_context(suite)
    (tmp_path / ".rookery").symlink_to(suite.folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOKERY_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["DATABASE_URL"] = suite.database.url("auth")
    process = await asyncio.create_subprocess_exec(
        "bash",
        cwd=tmp_path,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    yield Shell(process)
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()


async def api_keys(shell: Shell, subject: str) -> list[dict[str, object]]:
    code, said = await shell.run(f"rookery keys list --subject {subject} --json")
    assert code == 0, said
    listed: list[dict[str, object]] = json.loads(said)["api_keys"]
    return listed


@pytest.mark.capability("A3")
@pytest.mark.capability("A4")
async def test_every_command_on_the_page_about_keys_does_what_it_says(suite: Suite, shell: Shell) -> None:
    done: list[str] = []
    for step in steps():
        match step.partition(" "):
            case ("#", _, "stop auth"):
                await suite.stop("auth")
            case ("#", _, "start auth"):
                await suite.start("auth")
            case ("$", _, command):
                code, said = await shell.run(command)
                assert code == 0, f"{command}\n{said}"
                done.append(command)
                if command == "rookery signing-keys rotate":
                    await eventually(lambda: _taken_over(shell), within=30)
            case _:
                pytest.fail(f"neither a command nor something to do: {step!r}")
    assert len(done) > 15
    assert (await api_keys(shell, "user:ci"))[0]["revoke_time"]
    administrators = await api_keys(shell, "user:admin")
    # The first one, that of the new master key, and the one recovered.
    assert len(administrators) == 3


async def _taken_over(shell: Shell) -> bool:
    _, said = await shell.run("rookery signing-keys list --json")
    return [key["state"] for key in json.loads(said)["signing_keys"]] == ["ACTIVE", "RETIRING"]


async def test_a_recovery_with_another_master_key_is_refused_and_changes_nothing(suite: Suite, shell: Shell) -> None:
    before = suite.api_key
    code, said = await shell.run(
        "(umask 077; head -c 32 /dev/urandom | base64 > other.key); python -m rookery_auth.recover"
        ' --database-url "$DATABASE_URL" --master-key-file other.key --credential-file .rookery/admin.credential'
    )
    assert (code, suite.api_key) == (1, before)
    assert said.startswith("rookery-auth: the master key is not the one")
    assert len(await api_keys(shell, "user:admin")) == 1
