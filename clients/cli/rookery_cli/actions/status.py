"""How the suite stands: its processes, as `rookery up` tells, and the health of its services, as they say."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rookery_sdk import ContextInvalid, ContextNotFound, SuiteContext
from rookery_sdk.channels import open_channel
from rookery_sdk.context import context_path

from rookery_cli.output import Column, Output
from rookery_cli.refusal import Misused, NotRunning, Refused
from rookery_cli.times import ago

_HEALTH_SECONDS = 3.0
_SERVING = "SERVING"
_UNREACHABLE = "UNREACHABLE"
_SERVICES = ("auth", "registry", "orchestrator", "tool_executor")
_MIB = 1024 * 1024
_COLUMNS = (
    Column("PART", lambda part: part["name"], fixed=True),
    Column("HEALTH", lambda part: part["health"], fixed=True),
    Column("PROCESS", lambda part: part["state"]),
    Column("PID", lambda part: part["pid"]),
    Column("ADDRESS", lambda part: part["address"]),
    Column("SINCE", lambda part: ago(part["since"])),
    Column("RESTARTS", lambda part: part["restarts"]),
    Column("MEMORY", lambda part: f"{part['memory_bytes'] / _MIB:.0f} MiB" if part["memory_bytes"] else ""),
    Column("PROBLEM", lambda part: part["problem"]),
)


def show_status(context: str | None, output: Output) -> None:
    """Shows the parts of the suite. Raises Refused unless every service is SERVING and every process runs."""
    path = context_path(context)
    processes = _processes(path.parent / "status.json")
    try:
        known: SuiteContext | None = SuiteContext.read(path)
    except ContextNotFound:
        known = None
    except ContextInvalid as error:
        raise Misused(str(error), "start the suite anew, or name another file with --context") from None
    if known is None and not processes:
        raise NotRunning(f"there is no {path}")
    parts = _parts(known, processes)
    if not processes and all(part["health"] == _UNREACHABLE for part in parts):
        raise NotRunning(f"no service answers at the addresses in {path}")
    if output.as_json:
        output.json({"serving": not _faults(parts), "parts": parts})
    else:
        output.table(parts, _COLUMNS)
    if faults := _faults(parts):
        raise Refused(f"not everything is up: {', '.join(faults)}", "NOT_SERVING", "see logs/ in the data dir")


def _parts(known: SuiteContext | None, processes: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    addresses = {} if known is None else {name: getattr(known, name) for name in _SERVICES}
    health = asyncio.run(_health(addresses))
    # Before the suite is up nobody is told the addresses, and the services are asked nothing.
    health |= {name: _UNREACHABLE for name in processes if name in _SERVICES and name not in health}
    names = dict.fromkeys([*processes, *addresses])
    return [_part(name, processes.get(name, {}), addresses.get(name), health.get(name)) for name in names]


def _part(name: str, process: dict[str, Any], address: str | None, health: str | None) -> dict[str, Any]:
    since = process.get("since")
    port = process.get("port")
    return {
        "name": name,
        "health": health,
        "state": process.get("state"),
        "pid": process.get("pid"),
        "address": address or (f"127.0.0.1:{port}" if port else None),
        "since": None if since is None else datetime.fromtimestamp(since, UTC).isoformat().replace("+00:00", "Z"),
        "restarts": process.get("restarts"),
        "memory_bytes": process.get("memory_bytes"),
        "problem": process.get("problem"),
    }


def _faults(parts: list[dict[str, Any]]) -> list[str]:
    faults = []
    for part in parts:
        if part["health"] not in (_SERVING, None):
            faults.append(f"{part['name']} is {part['health']}")
        elif part["state"] not in ("serving", None):
            faults.append(f"{part['name']} is {part['state']}")
    return faults


def _processes(path: Path) -> dict[str, dict[str, Any]]:
    """What `rookery up` last told of its processes; nothing when it is gone and could not say so."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    runner = document.pop("up", {})
    return document if _is_alive(runner.get("pid")) else {}


def _is_alive(pid: int | None) -> bool:
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def _health(addresses: dict[str, str]) -> dict[str, str]:
    answers = await asyncio.gather(*(_health_of(address) for address in addresses.values()))
    return dict(zip(addresses, answers, strict=True))


async def _health_of(address: str) -> str:
    channel = open_channel(address)
    try:
        stub: Any = health_pb2_grpc.HealthStub(channel)  # its stubs type the server side alone
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_HEALTH_SECONDS)
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
    except grpc.aio.AioRpcError:
        return _UNREACHABLE
    finally:
        await channel.close()
