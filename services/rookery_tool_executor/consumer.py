"""Following what the registry tells of MCP servers."""

from rookery.events.v1 import mcp_server_event_pb2
from rookery_kit.bus import Bus, Event, EventConsumer
from rookery_kit.bus.subjects import event_subject
from rookery_kit.postgres import Connection, Database

from rookery_tool_executor.decoding import decode_server
from rookery_tool_executor.directory import ServerDirectory
from rookery_tool_executor.postgres import PostgresServerStore
from rookery_tool_executor.sessions.pool import SessionPool

DURABLE = "tool-executor-mcp-servers"


class McpServerEvents:
    """Keeps the projection, and ends the sessions of servers that changed or are gone.

    Of several replicas one gets each event; the others look into the projection again within seconds.
    """

    def __init__(self, store: PostgresServerStore, directory: ServerDirectory, pool: SessionPool) -> None:
        self._store = store
        self._directory = directory
        self._pool = pool

    def consumer(self, bus: Bus, database: Database) -> EventConsumer:
        """The consumer that hands the events over."""
        return EventConsumer(
            bus,
            database,
            durable=DURABLE,
            filter_subject=event_subject("*", "mcp_server", "*"),
            handle=self.handle,
        )

    async def handle(self, connection: Connection, event: Event) -> None:
        """Takes one event in. One that is older than what is known changes nothing."""
        told = mcp_server_event_pb2.McpServerChanged.FromString(event.payload)
        server = decode_server(told.mcp_server)
        deleted = told.change == mcp_server_event_pb2.MCP_SERVER_CHANGE_DELETED
        if await self._store.apply(connection, server, told.revision, deleted=deleted):
            self._directory.forget(server.tenant, server.name)
            self._pool.drop(server.tenant, server.id, keep_etag="" if deleted or not server.enabled else server.etag)
