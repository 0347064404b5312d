"""The composition root of the registry."""

from rookery.registry.v1.agent_service_pb2_grpc import add_AgentServiceServicer_to_server
from rookery.registry.v1.mcp_server_service_pb2_grpc import add_McpServerServiceServicer_to_server
from rookery_kit.clock import new_id
from rookery_kit.foundation import Foundation
from rookery_kit.lifecycle import Service, run_service
from rookery_kit.postgres import load_queries
from rookery_kit.rpc import Registration

from rookery_registry.postgres import PostgresAgentStore, PostgresMcpServerStore
from rookery_registry.postgres.announcing import AnnouncingDatabase
from rookery_registry.rpc import AgentRpc, McpServerRpc
from rookery_registry.service.change_agent import AgentChanges
from rookery_registry.service.expire_leases import LeaseSweeper
from rookery_registry.service.keep_lease import AgentLeases
from rookery_registry.service.mcp_servers import McpServers
from rookery_registry.service.read_agents import AgentReads
from rookery_registry.service.register_agent import AgentRegistrations
from rookery_registry.settings import RegistrySettings


async def compose(settings: RegistrySettings, foundation: Foundation) -> Service:
    """Puts the registry together."""
    queries = load_queries("rookery_registry")
    database = AnnouncingDatabase(foundation.database, foundation.relay.wake)
    agents = PostgresAgentStore(database, queries)
    servers = McpServers(PostgresMcpServerStore(database, queries), new_id)
    agent_rpc = AgentRpc(
        AgentRegistrations(agents, settings.default_lease),
        AgentReads(agents),
        AgentChanges(agents),
        AgentLeases(agents),
    )
    return Service(
        registrations=(
            Registration(add_AgentServiceServicer_to_server, agent_rpc),
            Registration(add_McpServerServiceServicer_to_server, McpServerRpc(servers)),
        ),
        background=(LeaseSweeper(agents, settings.sweep_seconds).run),
    )


def main() -> None:
    """Runs the service."""
    run_service(RegistrySettings, compose)


if __name__ == "__main__":
    main()
