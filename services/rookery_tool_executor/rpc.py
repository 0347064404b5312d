"""ToolService: decode, call, encode."""

from rookery.tool_executor.v1 import tool_pb2, tool_service_pb2, tool_service_pb2_grpc
from rookery_kit.rpc import Call
from rookery_kit.rpc.times import seconds_in

from rookery_tool_executor.model import (
    Blob,
    Content,
    Execution,
    ExecutionState,
    ResourceReference,
    Text,
    Tool,
    ToolCall,
    UnavailableServer,
)
from rookery_tool_executor.service.call_tool import CallTool
from rookery_tool_executor.service.list_executions import ListExecutions
from rookery_tool_executor.service.list_tools import ListTools

_STATES = {
    ExecutionState.RESERVED: tool_pb2.EXECUTION_STATE_RESERVED,
    ExecutionState.SUCCEEDED: tool_pb2.EXECUTION_STATE_SUCCEEDED,
    ExecutionState.FAILED: tool_pb2.EXECUTION_STATE_FAILED,
    ExecutionState.AMBIGUOUS: tool_pb2.EXECUTION_STATE_AMBIGUOUS,
}


class ToolRpc(tool_service_pb2_grpc.ToolServiceServicer):
    """Implements ToolService. `default_deadline` is what a call has whose caller set none, in seconds."""

    def __init__(
        self, call_tool: CallTool, list_tools: ListTools, list_executions: ListExecutions, default_deadline: float
    ) -> None:
        self._call_tool = call_tool
        self._list_tools = list_tools
        self._list_executions = list_executions
        self._default_deadline = default_deadline

    async def ListTools(
        self, request: tool_service_pb2.ListToolsRequest, context: object
    ) -> tool_service_pb2.ListToolsResponse:
        """Lists tools."""
        call = Call.of(context)
        page = await self._list_tools.page(
            call.principal.tenant,
            request.server,
            request.page_size,
            request.page_token,
            remaining=self._remaining(call),
            authorization=call.authorization,
        )
        return tool_service_pb2.ListToolsResponse(
            tools=[_tool(tool) for tool in page.tools],
            next_page_token=page.next_page_token,
            unavailable=[_unavailable(server) for server in page.unavailable],
        )

    async def CallTool(
        self, request: tool_service_pb2.CallToolRequest, context: object
    ) -> tool_service_pb2.CallToolResponse:
        """Calls a tool."""
        call = Call.of(context)
        execution = await self._call_tool.call(
            ToolCall(
                tenant=call.principal.tenant,
                subject=call.principal.subject,
                server=request.server,
                tool=request.tool,
                arguments=request.arguments,
                task_id=request.task_id.lower(),
                request_id=request.request_id.lower(),
                delegates=call.principal.actors,
            ),
            tool_timeout=seconds_in(request, "timeout"),
            remaining=self._remaining(call),
            authorization=call.authorization,
        )
        return tool_service_pb2.CallToolResponse(execution=_execution(execution))

    async def ListExecutions(
        self, request: tool_service_pb2.ListExecutionsRequest, context: object
    ) -> tool_service_pb2.ListExecutionsResponse:
        """Lists executions."""
        page = await self._list_executions.page(
            Call.of(context).principal.tenant,
            server=request.server,
            task_id=request.task_id,
            size=request.page_size,
            token=request.page_token,
        )
        return tool_service_pb2.ListExecutionsResponse(
            executions=[_execution(execution) for execution in page.executions],
            next_page_token=page.next_page_token,
        )

    def _remaining(self, call: Call) -> float:
        remaining = call.remaining()
        return self._default_deadline if remaining is None else remaining


def _tool(tool: Tool) -> tool_pb2.Tool:
    return tool_pb2.Tool(
        server=tool.server,
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        read_only_hint=tool.read_only,
        idempotent_hint=tool.idempotent,
        destructive_hint=tool.destructive,
    )


def _unavailable(server: UnavailableServer) -> tool_service_pb2.UnavailableServer:
    return tool_service_pb2.UnavailableServer(server=server.server, reason=server.reason, message=server.message)


def _execution(execution: Execution) -> tool_pb2.Execution:
    call, answer = execution.call, execution.answer
    return tool_pb2.Execution(
        id=execution.id,
        tenant=call.tenant,
        subject=call.subject,
        task_id=call.task_id,
        server=call.server,
        tool=call.tool,
        arguments=call.arguments,
        state=_STATES[execution.state],
        content=[_content(piece) for piece in answer.content] if answer else (),
        structured_content=answer.structured if answer else b"",
        is_error=answer is not None and answer.is_error,
        error_reason=execution.error_reason,
        error_message=execution.error_message,
        create_time=execution.create_time,
        duration=execution.duration,
        delegates=call.delegates,
    )


def _content(piece: Content) -> tool_pb2.Content:
    match piece:
        case Text(text):
            return tool_pb2.Content(text=text)
        case Blob(content_type, data):
            return tool_pb2.Content(blob=tool_pb2.Blob(content_type=content_type, data=data))
        case ResourceReference(uri):
            return tool_pb2.Content(resource_uri=uri)
