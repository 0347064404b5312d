"""The composition root of the registry."""

from rookery.registry.v1.agent_service_pb2_grpc import add_AgentServiceServicer_to_server
from rookery.registry.v1.mcp_server_service_pb2_grpc import add_McpServerServiceServicer_to_server
from rookery_kit.clock import new_id
from rookery_kit.foundation import Foundation
from rookery_kit.lifecycle import Service, run_service
from rookery_kit.postgres import load_queries
from rookery_kit.rpc import Registration
from rookery_kit.tenant_erasure import TenantErasure

from rookery_registry.health.recorder import HealthRecorder
from rookery_registry.heartbeats.attention import StreamAttention
from rookery_registry.heartbeats.groups import BeatGroups
from rookery_registry.postgres import (
    PostgresAgentStore,
    PostgresBeatStore,
    PostgresChangeLog,
    PostgresHealthStore,
    PostgresMcpServerStore,
)
from rookery_registry.postgres.announcing import AnnouncingDatabase
from rookery_registry.retention import Retention, Trimming
from rookery_registry.rpc import AgentRpc, McpServerRpc
from rookery_registry.rpc.health import HealthListing
from rookery_registry.rpc.heartbeats import HeartbeatStream
from rookery_registry.rpc.watch import WatchStream
from rookery_registry.service.change_agent import AgentChanges
from rookery_registry.service.expire_leases import LeaseSweeper
from rookery_registry.service.instruct_agent import AgentInstructions
from rookery_registry.service.keep_lease import AgentLeases
from rookery_registry.service.mcp_servers import McpServers
from rookery_registry.service.read_agents import AgentReads
from rookery_registry.service.register_agent import AgentRegistrations
from rookery_registry.settings import RegistrySettings
from rookery_registry.watching.feed import ChangeFeed
from rookery_registry.watching.watch import AgentWatch


async def compose(settings: RegistrySettings, foundation: Foundation) -> Service:
    """Puts the registry together."""
    queries = load_queries("rookery_registry")
    change_log = PostgresChangeLog(foundation.database, load_queries("rookery_registry.watching"))

    def wake() -> None:
        foundation.relay.wake()
        feed.wake()

    database = AnnouncingDatabase(foundation.database, wake)
    agents = PostgresAgentStore(database, queries)
    beats = PostgresBeatStore(database, queries, load_queries("rookery_registry.heartbeats"), settings.outage)
    groups = BeatGroups(beats, foundation.clock, settings.heartbeat_group_seconds)
    feed = ChangeFeed(change_log, StreamAttention(groups).hear)
    health = PostgresHealthStore(foundation.database, load_queries("rookery_registry.health"))
    recorder = HealthRecorder(health, foundation.clock, settings.health_sample_seconds, foundation.telemetry.meter)
    trimming = Trimming((Retention(health, settings.health_retention), Retention(change_log, settings.watch_retention)))
    servers = McpServers(PostgresMcpServerStore(database, queries), new_id)
    agent_rpc = AgentRpc(
        AgentRegistrations(
            agents, settings.default_lease, lambda tenant: foundation.tenant_states.of(tenant).quotas.max_agents
        ),
        AgentReads(agents),
        AgentChanges(agents),
        instructions=AgentInstructions(agents),
        heartbeats=HeartbeatStream(groups, AgentLeases(agents), recorder),
        health=HealthListing(health),
        watch=WatchStream(AgentWatch(change_log, feed)),
    )
    for_agents = Registration(add_AgentServiceServicer_to_server, agent_rpc)
    return Service(
        registrations=(for_agents, Registration(add_McpServerServiceServicer_to_server, McpServerRpc(servers))),
        over_nats=(for_agents,),
        background=(
            LeaseSweeper(agents, settings.sweep_seconds, settings.outage).run,
            groups.run,
            recorder.run,
            feed.run,
            trimming.run,
            TenantErasure(foundation, "registry").run,
        ),
    )


def main() -> None:
    """Runs the service."""
    run_service(RegistrySettings, compose)


if __name__ == "__main__":
    main()
