"""Leaving traces of a tenant in every service, and looking for them."""

import sys
from collections.abc import Awaitable, Callable

import grpc
import nats
import psycopg
from psycopg import sql
from rookery.auth.v1 import (
    api_key_service_pb2,
    api_key_service_pb2_grpc,
    enrollment_service_pb2,
    enrollment_service_pb2_grpc,
    policy_service_pb2,
    policy_service_pb2_grpc,
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
    agent_service_pb2,
    agent_service_pb2_grpc,
    mcp_server_service_pb2,
    mcp_server_service_pb2_grpc,
)
from rookery.tool_executor.v1 import tool_service_pb2, tool_service_pb2_grpc

from harness.databases import FreshDatabase
from harness.suite import Suite
from harness.tenants import Bearer

_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped
    WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1, 2"""
_SCHEMAS = ["auth", "registry", "orchestrator", "tool_executor"]


def tenant_tables(database: FreshDatabase) -> list[tuple[str, str]]:
    """Every table that has a column `tenant`, with its schema."""
    with psycopg.connect(database.admin_url) as connection:
        rows = connection.execute(_TABLES, (_SCHEMAS,)).fetchall()
    return [(str(schema), str(table)) for schema, table in rows]


def table_traces(database: FreshDatabase, tenant: str) -> dict[str, int]:
    """The tables that hold rows of a tenant, and how many; also those of the outbox that are about it."""
    found: dict[str, int] = {}
    with psycopg.connect(database.admin_url) as connection:
        for schema, table in tenant_tables(database):
            query = sql.SQL("SELECT count(*) FROM {} WHERE tenant = %s").format(sql.Identifier(schema, table))
            row = connection.execute(query, (tenant,)).fetchone()
            if row is not None and row[0]:
                found[f"{schema}.{table}"] = int(row[0])
    return found


async def bus_traces(url: str, tenant: str) -> dict[str, set[str]]:
    """The streams that hold messages of a tenant, with the kinds of these."""
    client = await nats.connect(url)
    try:
        jetstream = client.jetstream()
        found: dict[str, set[str]] = {}
        for stream in await jetstream.streams_info():
            assert stream.config.name is not None
            info = await jetstream.stream_info(stream.config.name, subjects_filter=f"rk.{tenant}.>")
            if kinds := {subject.split(".")[3] for subject in info.state.subjects or ()}:
                found[stream.config.name] = kinds
        return found
    finally:
        await client.close()


async def _hand_out_credentials(suite: Suite, administrator: Bearer) -> None:
    channel = suite.channel("auth")
    keys = api_key_service_pb2_grpc.ApiKeyServiceStub(channel)
    key = api_key_service_pb2.CreateApiKeyRequest(display_name="ci", subject="user:ci", roles=["tester"])
    await keys.CreateApiKey(key, metadata=administrator)
    policies = policy_service_pb2_grpc.PolicyServiceStub(channel)
    role = policy_service_pb2.CreateRoleRequest(
        request_id="0199a1b2-0000-4000-8000-000000000001", name="scribe", permissions=["messages:read"]
    )
    await policies.CreateRole(role, metadata=administrator)
    bind = policy_service_pb2.BindRoleRequest(subject="user:ci", role="scribe")
    await policies.BindRole(bind, metadata=administrator)
    await policies.UnbindRole(
        policy_service_pb2.UnbindRoleRequest(subject="user:ci", role="scribe"), metadata=administrator
    )
    await policies.BindRole(bind, metadata=administrator)


async def _enrol_and_register(suite: Suite, administrator: Bearer) -> None:
    enrollments = enrollment_service_pb2_grpc.EnrollmentServiceStub(suite.channel("auth"))
    wanted = enrollment_service_pb2.CreateEnrollmentTokenRequest()
    created = await enrollments.CreateEnrollmentToken(wanted, metadata=administrator)
    exchange = token_service_pb2.IssueTokenRequest(enrollment_token=created.secret)
    tokens = (await token_service_pb2_grpc.TokenServiceStub(suite.channel("auth")).IssueToken(exchange)).token_set
    own = (("authorization", f"Bearer {tokens.access_token}"),)
    agents = agent_service_pb2_grpc.AgentServiceStub(suite.channel("registry"))
    register = agent_service_pb2.RegisterAgentRequest(name="worker", capabilities=["double"])
    register.labels["team"] = "docs"
    agent = (await agents.RegisterAgent(register, metadata=own)).agent
    messages = message_service_pb2_grpc.MessageServiceStub(suite.channel("orchestrator"))
    message = message_service_pb2.SendMessageRequest(recipient_agent_id=agent.id)
    await messages.SendMessage(message, metadata=administrator)
    topics = topic_service_pb2_grpc.TopicServiceStub(suite.channel("orchestrator"))
    await topics.CreateTopic(topic_service_pb2.CreateTopicRequest(topic="news"), metadata=administrator)
    await topics.JoinTopic(topic_service_pb2.JoinTopicRequest(topic="news"), metadata=own)
    await topics.Publish(topic_service_pb2.PublishRequest(topic="news"), metadata=administrator)


async def _ask_for_work(suite: Suite, administrator: Bearer) -> None:
    tasks = task_service_pb2_grpc.TaskServiceStub(suite.channel("orchestrator"))
    request = task_service_pb2.CreateTaskRequest(capability="double", title="x")
    await tasks.CreateTask(request, metadata=administrator)


async def _register_a_server_and_call_it(suite: Suite, administrator: Bearer) -> None:
    servers = mcp_server_service_pb2_grpc.McpServerServiceStub(suite.channel("registry"))
    request = mcp_server_service_pb2.RegisterMcpServerRequest(name="absent")
    request.stdio.command = sys.executable
    await servers.RegisterMcpServer(request, metadata=administrator)
    tools = tool_service_pb2_grpc.ToolServiceStub(suite.channel("tool_executor"))
    call = tool_service_pb2.CallToolRequest(server="absent", tool="x")
    try:
        await tools.CallTool(call, metadata=administrator)
    except grpc.aio.AioRpcError as error:
        # The command is on no allow-list; the server is known to the executor for all that.
        if "COMMAND_NOT_ALLOWED" not in str(error.trailing_metadata()):
            raise


DAILY_LIFE: tuple[Callable[[Suite, Bearer], Awaitable[None]], ...] = (
    _hand_out_credentials,
    _enrol_and_register,
    _ask_for_work,
    _register_a_server_and_call_it,
)
"""Each leaves traces in some services, as the administrator of a tenant."""
