import grpc
import pytest
from harness.eventually import eventually
from harness.suite import Suite
from rookery.registry.v1 import agent_service_pb2, agent_service_pb2_grpc


async def test_a_killed_service_comes_back_at_its_address_with_its_rows(suite: Suite) -> None:
    agents = agent_service_pb2_grpc.AgentServiceStub(suite.channel("registry"))
    administrator = await suite.administrator()
    request = agent_service_pb2.ListAgentsRequest()
    assert not (await agents.ListAgents(request, metadata=administrator)).agents
    await suite.kill("registry")
    with pytest.raises(grpc.aio.AioRpcError, match="UNAVAILABLE"):
        await agents.ListAgents(request, metadata=administrator, timeout=2)
    await suite.start("registry")
    again = await eventually(lambda: agents.ListAgents(request, metadata=administrator), retry=(grpc.aio.AioRpcError,))
    assert not again.agents
