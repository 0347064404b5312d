"""A tenant of which every listing, with every filter, has something to show."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

from rookery.auth.v1 import (
    enrollment_service_pb2,
    enrollment_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
)
from rookery.orchestrator.v1 import (
    message_service_pb2,
    message_service_pb2_grpc,
    task_service_pb2,
    task_service_pb2_grpc,
    topic_service_pb2,
    topic_service_pb2_grpc,
)
from rookery.registry.v1 import (
    agent_health_pb2,
    agent_pb2,
    agent_service_pb2,
    agent_service_pb2_grpc,
    mcp_server_service_pb2,
    mcp_server_service_pb2_grpc,
)
from rookery.tool_executor.v1 import tool_service_pb2, tool_service_pb2_grpc

from harness.mailbox_service import MailAgent, ReceiveClient, terminated
from harness.mcp_servers.commands import WORKBENCH
from harness.suite import Suite
from harness.tenant_traces import DAILY_LIFE
from harness.tenants import Bearer

SHELL = "/bin/sh"
SETTINGS = {
    "registry": {"HEALTH_SAMPLE_SECONDS": "0"},
    "tool_executor": {"STDIO_ALLOWED_COMMANDS": f'["{SHELL}"]'},
}
"""The settings of a suite in which a tenant works."""


async def hire(suite: Suite, administrator: Bearer, name: str) -> tuple[agent_pb2.Agent, Bearer]:
    """Registers an agent and answers it with the metadata of its calls."""
    enrollments: Any = enrollment_service_pb2_grpc.EnrollmentServiceStub(suite.channel("auth"))
    wanted = enrollment_service_pb2.CreateEnrollmentTokenRequest()
    secret = (await enrollments.CreateEnrollmentToken(wanted, metadata=administrator)).secret
    tokens: Any = token_service_pb2_grpc.TokenServiceStub(suite.channel("auth"))
    issued = await tokens.IssueToken(token_service_pb2.IssueTokenRequest(enrollment_token=secret))
    own = (("authorization", f"Bearer {issued.token_set.access_token}"),)
    agents: Any = agent_service_pb2_grpc.AgentServiceStub(suite.channel("registry"))
    register = agent_service_pb2.RegisterAgentRequest(name=name, capabilities=["triple"], labels={"floor": "attic"})
    register.lease_duration.seconds = 600
    return (await agents.RegisterAgent(register, metadata=own)).agent, own


async def work(suite: Suite, administrator: Bearer) -> None:
    """Lives a day, and more: an agent that reports, refuses a message and has work, and a tool that is called."""
    for live in DAILY_LIFE:
        await live(suite, administrator)
    agent, own = await hire(suite, administrator, "clerk")
    await _report(suite, agent, own)
    await _give_up_a_message(suite, administrator, MailAgent(agent.id, agent.name, agent.session_epoch, own))
    topics: Any = topic_service_pb2_grpc.TopicServiceStub(suite.channel("orchestrator"))
    await topics.CreateTopic(topic_service_pb2.CreateTopicRequest(topic="rumours"), metadata=administrator)
    for topic in ("news", "rumours"):
        await topics.JoinTopic(topic_service_pb2.JoinTopicRequest(topic=topic), metadata=own)
    tasks: Any = task_service_pb2_grpc.TaskServiceStub(suite.channel("orchestrator"))
    wanted = task_service_pb2.CreateTaskRequest(capability="triple", title="sums", labels={"floor": "attic"})
    task = (await tasks.CreateTask(wanted, metadata=administrator)).task
    await _call_a_tool(suite, administrator, task.id)


async def _report(suite: Suite, agent: agent_pb2.Agent, own: Bearer) -> None:
    async def beats() -> AsyncIterator[agent_service_pb2.HeartbeatRequest]:
        for handled in (1, 2):
            metrics = agent_health_pb2.HealthMetrics(requests_handled=handled)
            yield agent_service_pb2.HeartbeatRequest(session_epoch=agent.session_epoch, metrics=metrics, confirm=True)

    agents: Any = agent_service_pb2_grpc.AgentServiceStub(suite.channel("registry"))
    async for _ in agents.Heartbeat(beats(), metadata=own, timeout=10):
        pass


async def _give_up_a_message(suite: Suite, administrator: Bearer, agent: MailAgent) -> None:
    messages: Any = message_service_pb2_grpc.MessageServiceStub(suite.channel("orchestrator"))
    for number in range(2):
        message = message_service_pb2.SendMessageRequest(
            recipient_agent_id=agent.id, type="greeting", correlation_id=f"thread-{number}"
        )
        await messages.SendMessage(message, metadata=administrator)
    receiver = ReceiveClient(messages.Receive(metadata=agent.metadata))
    await receiver.open(agent)
    await receiver.opened()
    await receiver.grant(2)
    for delivery in await receiver.deliveries(2):
        await receiver.settle(terminated(delivery, "cannot stand it"))
        await receiver.settled()
    await asyncio.wait_for(receiver.call.done_writing(), 5)
    receiver.call.cancel()


async def _call_a_tool(suite: Suite, administrator: Bearer, task_id: str) -> None:
    servers: Any = mcp_server_service_pb2_grpc.McpServerServiceStub(suite.channel("registry"))
    request = mcp_server_service_pb2.RegisterMcpServerRequest(name="bench")
    request.stdio.command, request.stdio.args[:] = SHELL, ["-c", f"exec {sys.executable} {WORKBENCH} stdio"]
    await servers.RegisterMcpServer(request, metadata=administrator)
    tools: Any = tool_service_pb2_grpc.ToolServiceStub(suite.channel("tool_executor"))
    call = tool_service_pb2.CallToolRequest(server="bench", tool="echo", arguments=b'{"text": "t"}', task_id=task_id)
    await tools.CallTool(call, metadata=administrator, timeout=30)
