"""Agents on gRPC, beside those on NATS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rookery.auth.v1 import token_pb2
from rookery.orchestrator.v1 import message_service_pb2_grpc
from rookery.registry.v1 import agent_service_pb2, agent_service_pb2_grpc

from harness.mailbox_service import MailAgent, ReceiveClient
from harness.nats_agents import NatsSuite


@asynccontextmanager
async def grpc_agent(nats_suite: NatsSuite, name: str) -> AsyncIterator[tuple[MailAgent, ReceiveClient]]:
    """An agent that registers, sends and receives over gRPC."""
    token_set: token_pb2.TokenSet = await nats_suite.enroll()
    metadata = (("authorization", f"Bearer {token_set.access_token}"),)
    registry = agent_service_pb2_grpc.AgentServiceStub(nats_suite.suite.channel("registry"))
    request = agent_service_pb2.RegisterAgentRequest(name=name)
    request.lease_duration.seconds = 600
    registered = (await registry.RegisterAgent(request, metadata=metadata)).agent
    agent = MailAgent(registered.id, name, registered.session_epoch, metadata)
    stub = message_service_pb2_grpc.MessageServiceStub(nats_suite.suite.channel("orchestrator"))
    receiver = ReceiveClient(stub.Receive(metadata=metadata))
    try:
        await receiver.open(agent)
        await receiver.opened()
        await receiver.grant(10)
        yield agent, receiver
    finally:
        receiver.call.cancel()


def grpc_messages(nats_suite: NatsSuite) -> "message_service_pb2_grpc.MessageServiceAsyncStub":
    """The stub of the orchestrator's messages."""
    return message_service_pb2_grpc.MessageServiceStub(nats_suite.suite.channel("orchestrator"))
