"""`context.json`, by which clients find the suite, and `status.json`, which tells of its processes."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rookery_local.data_folder import DataFolder
from rookery_local.ports import SERVICES, Ports
from rookery_local.private_file import write_private
from rookery_local.unit import PartStatus


@dataclass(frozen=True, slots=True)
class PublicFiles:
    """Writes and removes the two files; each is replaced in one step and readable by its owner only."""

    folder: DataFolder
    started: float

    def write_context(self, ports: Ports, *, nats_url: str, postgres_url: str) -> None:
        """Says where the suite is reached. Written once all of it is SERVING."""
        addresses = {service: ports.address(service) for service in SERVICES}
        context = addresses | {
            "gateway": None,
            "nats": nats_url,
            "postgres": postgres_url,
            "credential": str(self.folder.credential),
        }
        write_private(self.folder.context, json.dumps(context, indent=2) + "\n")

    def write_status(self, statuses: Iterable[PartStatus], memory: Mapping[int, int]) -> None:
        """Says how the parts stand. `memory` is in bytes by process id; times are in seconds since 1970."""
        parts = {
            status.name: {
                "state": status.state.value,
                "pid": status.pid,
                "port": status.port,
                "metrics_port": status.metrics_port,
                "restarts": status.restarts,
                "since": status.since,
                "memory_bytes": memory.get(status.pid or 0),
                "problem": status.problem or None,
            }
            for status in statuses
        }
        runner = {"pid": os.getpid(), "since": self.started}
        write_private(self.folder.status, json.dumps({"up": runner, **parts}, indent=2) + "\n")

    def remove_context(self) -> None:
        """Nobody should find a suite that is going."""
        self.folder.context.unlink(missing_ok=True)

    def remove(self) -> None:
        """Leaves neither file."""
        self.remove_context()
        self.folder.status.unlink(missing_ok=True)
