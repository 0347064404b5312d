"""The composition root of the tool-executor."""

import os
from datetime import timedelta

from rookery.tool_executor.v1.tool_service_pb2_grpc import add_ToolServiceServicer_to_server
from rookery_kit.clock import new_id
from rookery_kit.foundation import Foundation
from rookery_kit.lifecycle import Service, run_service
from rookery_kit.postgres import load_queries
from rookery_kit.rpc import Registration
from rookery_kit.tenant_erasure import TenantErasure

from rookery_tool_executor.consumer import McpServerEvents
from rookery_tool_executor.directory import ServerDirectory
from rookery_tool_executor.observation import CallObserver
from rookery_tool_executor.postgres import PostgresLedgerStore, PostgresServerStore
from rookery_tool_executor.registry_client import RegistryClient
from rookery_tool_executor.rpc import ToolRpc
from rookery_tool_executor.service.call_tool import CallLimits, CallTool
from rookery_tool_executor.service.executor_lease import ExecutorLease
from rookery_tool_executor.service.ledger import Ledger
from rookery_tool_executor.service.list_executions import ListExecutions
from rookery_tool_executor.service.list_tools import ListTools
from rookery_tool_executor.sessions.address_guard import AddressGuard
from rookery_tool_executor.sessions.allow_list import AllowedCommand, CommandAllowList
from rookery_tool_executor.sessions.channels import Channels
from rookery_tool_executor.sessions.http_channel import HttpLimits
from rookery_tool_executor.sessions.pool import PoolLimits, SessionPool
from rookery_tool_executor.sessions.session import SessionLimits
from rookery_tool_executor.sessions.stdio_channel import ChildLimits
from rookery_tool_executor.settings import ToolExecutorSettings

_RESERVE_SECONDS = 0.1
_HTTP_CONNECT_SECONDS = 5.0
_SESSION_CLOSE_SECONDS = 5.0


async def compose(settings: ToolExecutorSettings, foundation: Foundation) -> Service:
    """Puts the tool-executor together."""
    clock, keep = foundation.clock, foundation.keep
    queries = load_queries("rookery_tool_executor")

    ledger_store = PostgresLedgerStore(foundation.database, queries)
    lease = ExecutorLease(ledger_store, new_id(), timedelta(seconds=settings.executor_lease_seconds))
    await lease.renew()
    keep.push_async_callback(lease.close)
    ledger = Ledger(ledger_store, lease, clock=clock, new_id=new_id, sweep_seconds=settings.executor_lease_seconds / 2)
    keep.push_async_callback(ledger.close)

    channels = _channels(settings)
    keep.push_async_callback(channels.close)
    pool = SessionPool(
        channels.open,
        limits=PoolLimits(settings.max_sessions, settings.session_idle_seconds),
        session_limits=SessionLimits(
            settings.session_start_seconds,
            _SESSION_CLOSE_SECONDS,
            settings.session_concurrency,
            settings.tools_max_age_seconds,
        ),
        clock=clock,
    )
    keep.push_async_callback(pool.close)

    server_store = PostgresServerStore(foundation.database, queries)
    registry = RegistryClient(settings.registry_address)
    keep.push_async_callback(registry.close)
    directory = ServerDirectory(
        server_store, registry, clock=clock, max_age=settings.directory_max_age_seconds, on_gone=pool.drop
    )
    events = McpServerEvents(server_store, directory, pool).consumer(foundation.bus, foundation.database)

    telemetry = foundation.telemetry
    observer = CallObserver(telemetry.tracer, telemetry.meter, clock, lambda: pool.open_count)
    rpc = ToolRpc(
        CallTool(
            directory,
            pool,
            ledger,
            observer,
            clock=clock,
            limits=CallLimits(settings.default_tool_timeout_seconds, _RESERVE_SECONDS, settings.max_answer_bytes),
        ),
        ListTools(directory, pool, clock, settings.max_answer_bytes),
        ListExecutions(ledger_store, settings.max_answer_bytes),
        settings.default_deadline_seconds,
    )
    return Service(
        registrations=(Registration(add_ToolServiceServicer_to_server, rpc),),
        background=(lease.run, ledger.run, pool.run, events.run, TenantErasure(foundation, "tool_executor").run),
    )


def _channels(settings: ToolExecutorSettings) -> Channels:
    entries = tuple(
        AllowedCommand(entry.command, entry.args_prefix, entry.env_names, entry.cwd_roots)
        for entry in settings.stdio_allowed_commands
    )
    return Channels(
        allow_list=CommandAllowList(entries, os.environ.get("PATH", os.defpath)),
        child_limits=ChildLimits(
            settings.child_data_bytes,
            settings.child_open_files,
            settings.mcp_message_bytes,
            settings.child_stop_seconds,
        ),
        environment=os.environ,
        guard=AddressGuard(settings.http_allowed_networks),
        http_limits=HttpLimits(
            _HTTP_CONNECT_SECONDS,
            # Beside the calls: the stream of notifications, a listing, a cancellation, the farewell.
            settings.session_concurrency + 4,
            settings.mcp_message_bytes,
        ),
    )


def main() -> None:
    """Runs the service."""
    run_service(ToolExecutorSettings, compose)


if __name__ == "__main__":
    main()
