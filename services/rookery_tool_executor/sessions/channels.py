"""Makes the transport that a server's registration asks for, after checking that it may be used."""

from collections.abc import Mapping

from rookery_tool_executor.model import McpServer, StdioTransport
from rookery_tool_executor.sessions.address_guard import AddressGuard
from rookery_tool_executor.sessions.allow_list import CommandAllowList
from rookery_tool_executor.sessions.http_channel import HttpChannel, HttpLimits
from rookery_tool_executor.sessions.orphanage import Orphanage
from rookery_tool_executor.sessions.session import Channel
from rookery_tool_executor.sessions.stdio_channel import ChildLimits, StdioChannel


class Channels:
    """Channels within one set of limits. `environment` is where children's PATH, HOME and LANG come from."""

    def __init__(
        self,
        *,
        allow_list: CommandAllowList,
        child_limits: ChildLimits,
        environment: Mapping[str, str],
        guard: AddressGuard,
        http_limits: HttpLimits,
    ) -> None:
        self._allow_list = allow_list
        self._child_limits = child_limits
        self._environment = environment
        self._guard = guard
        self._http_limits = http_limits
        self._orphanage = Orphanage()

    def open(self, server: McpServer) -> Channel:
        """A channel, not yet entered. Raises CommandNotAllowed, or McpServerUnavailable for a missing command."""
        transport = server.transport
        if isinstance(transport, StdioTransport):
            return StdioChannel(
                self._allow_list.check(transport),
                transport,
                limits=self._child_limits,
                environment=self._environment,
                orphanage=self._orphanage,
            )
        return HttpChannel(transport.url, guard=self._guard, limits=self._http_limits)

    async def close(self) -> None:
        """Ends what watches over children; for when every channel is closed."""
        await self._orphanage.close()
