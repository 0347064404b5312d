"""Open channels to the services of one suite, and their stubs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from rookery.auth.v1 import (
    api_key_service_pb2_grpc,
    audit_service_pb2_grpc,
    enrollment_service_pb2_grpc,
    key_service_pb2_grpc,
    policy_service_pb2_grpc,
    tenant_service_pb2_grpc,
    token_service_pb2_grpc,
)
from rookery.orchestrator.v1 import (
    dead_letter_service_pb2_grpc,
    message_service_pb2_grpc,
    task_service_pb2_grpc,
    topic_service_pb2_grpc,
)
from rookery.registry.v1 import agent_service_pb2_grpc, mcp_server_service_pb2_grpc
from rookery.tool_executor.v1 import tool_service_pb2_grpc

from rookery_sdk.authorization import AuthorizedStream, AuthorizedUnary
from rookery_sdk.channels import open_channel
from rookery_sdk.context import SuiteContext
from rookery_sdk.tokens import AccessTokens, Credential

if TYPE_CHECKING:
    from rookery.auth.v1.token_service_pb2_grpc import TokenServiceAsyncStub

# Makes the credential of a connection, given the stub with which it is exchanged.
CredentialFactory = Callable[["TokenServiceAsyncStub"], Credential]


class Connection:
    """The stubs of every service. Their calls carry an access token that renews itself, and raise RookeryError.

    Nothing is connected before the first call. The two streams of agents, Work and Receive, take their metadata from
    the caller; every other method adds it by itself.
    """

    def __init__(self, context: SuiteContext, credential: CredentialFactory) -> None:
        exchange = open_channel(context.auth)
        self._exchange: TokenServiceAsyncStub = token_service_pb2_grpc.TokenServiceStub(exchange)
        self.access = AccessTokens(credential(self._exchange))
        authorized = (AuthorizedUnary(self.access), AuthorizedStream(self.access))
        auth = open_channel(context.auth, authorized)
        registry = open_channel(context.registry, authorized)
        orchestrator = open_channel(context.orchestrator, authorized)
        tool_executor = open_channel(context.tool_executor, authorized)
        self._channels = (exchange, auth, registry, orchestrator, tool_executor)
        self.enrollments = enrollment_service_pb2_grpc.EnrollmentServiceStub(auth)
        self.token_service = token_service_pb2_grpc.TokenServiceStub(auth)
        self.api_keys = api_key_service_pb2_grpc.ApiKeyServiceStub(auth)
        self.signing_keys = key_service_pb2_grpc.KeyServiceStub(auth)
        self.policies = policy_service_pb2_grpc.PolicyServiceStub(auth)
        self.tenants = tenant_service_pb2_grpc.TenantServiceStub(auth)
        self.audit = audit_service_pb2_grpc.AuditServiceStub(auth)
        self.agents = agent_service_pb2_grpc.AgentServiceStub(registry)
        self.servers = mcp_server_service_pb2_grpc.McpServerServiceStub(registry)
        self.tasks = task_service_pb2_grpc.TaskServiceStub(orchestrator)
        self.messages = message_service_pb2_grpc.MessageServiceStub(orchestrator)
        self.dead_letters = dead_letter_service_pb2_grpc.DeadLetterServiceStub(orchestrator)
        self.topics = topic_service_pb2_grpc.TopicServiceStub(orchestrator)
        self.tools = tool_service_pb2_grpc.ToolServiceStub(tool_executor)

    async def close(self) -> None:
        """Ends every call and closes the channels."""
        await self.access.close()
        for channel in self._channels:
            await channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
