"""Following agents as they come, change and go."""

import asyncio

from rookery.registry.v1 import agent_pb2, agent_watch_pb2
from rookery_sdk import Aborted, Client, Unavailable

from rookery_cli.documents import agent_document
from rookery_cli.output import Output

_AGAIN_SECONDS = 1.0
# How many tries a suite that restarts is given, one a second.
_TRIES = 30


async def watch_agents(client: Client, capability: str, status: str, after: int, output: Output) -> None:
    """A line for each agent there is, then one for each change, until interrupted; or a JSON document a line.

    Goes on where it was when the suite restarts. Raises Unavailable when that takes too long.
    """
    shown = _Shown(output, after)
    tries = 0
    while True:
        request = agent_watch_pb2.WatchAgentsRequest(
            capability=capability, status=f"AGENT_STATUS_{status or 'UNSPECIFIED'}", after_revision=shown.revision
        )
        try:
            async for frame in client.agents.WatchAgents(request):
                tries = 0
                shown.take(frame)
        except Unavailable:
            tries += 1
            if tries > _TRIES:
                raise
        except Aborted as error:
            if error.reason != "WATCH_TOO_OLD":
                raise
            output.note("changes since then are no longer kept; showing all agents anew")
            shown.revision = 0
        await asyncio.sleep(_AGAIN_SECONDS)


class _Shown:
    """What has been shown, up to a revision."""

    def __init__(self, output: Output, revision: int) -> None:
        self._output = output
        self.revision = revision

    def take(self, frame: agent_watch_pb2.WatchAgentsResponse) -> None:
        """Shows what a frame brings."""
        for agent in frame.snapshot.agents:
            self._show("PRESENT", 0, agent)
        for change in frame.changes.changes:
            kind = agent_watch_pb2.WatchedChangeKind.Name(change.kind).removeprefix("WATCHED_CHANGE_KIND_")
            self._show(kind, change.revision, change.agent)
        self.revision = frame.revision or self.revision

    def _show(self, kind: str, revision: int, agent: agent_pb2.Agent) -> None:
        document = agent_document(agent)
        if self._output.as_json:
            self._output.json_line({"kind": kind, "revision": revision, "agent": document})
        else:
            capabilities = ", ".join(document["capabilities"])
            parts = (kind, document["name"], document["id"], document["status"], capabilities)
            self._output.line("  ".join(part for part in parts if part))
