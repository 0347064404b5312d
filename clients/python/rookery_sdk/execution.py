"""Running handlers, and what their outcome means to whoever gave the work."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rookery.orchestrator.v1 import message_service_pb2, task_service_pb2

from rookery_sdk import payload, reports
from rookery_sdk.connection import Connection
from rookery_sdk.errors import Fail, Reject
from rookery_sdk.fields import words
from rookery_sdk.handler_context import MessageContext, TaskContext
from rookery_sdk.messages import Message
from rookery_sdk.tracing import joined
from rookery_sdk.work import Lease

# The input is what the payload holds; the author of the handler knows what that is.
TaskHandler = Callable[[TaskContext, Any], Awaitable[object]]
MessageHandler = Callable[[MessageContext, Message], Awaitable[object]]
_MOST_NAME = 200
_log = logging.getLogger("rookery_sdk")


class TaskExecution:
    """Runs the handler of a task's capability."""

    def __init__(self, connection: Connection, handlers: Mapping[str, TaskHandler], *, patience: float) -> None:
        self._connection = connection
        self._handlers = handlers
        self._patience = patience

    async def run(self, assignment: task_service_pb2.TaskAssignment, lease: Lease) -> task_service_pb2.WorkRequest:
        """The report on the assignment. Raises nothing but a cancellation."""
        task = assignment.task
        context = TaskContext(self._connection, task, lease, patience=self._patience)
        with joined(assignment.traceparent):
            try:
                handler = self._handlers.get(task.capability)
                if handler is None:
                    raise Fail(f"this agent has no handler for {task.capability}", reason="NO_HANDLER", retryable=True)
                output = await handler(context, payload.decode(task.input))
                return reports.completed(lease.key, output)
            except (Fail, Reject) as error:
                _log.info("task %s: %s: %s", task.id, error.reason, error)
                return reports.failed(lease.key, error)
            except Exception as error:
                _log.warning("task %s: the handler of %s failed", task.id, task.capability, exc_info=True)
                return reports.failed(lease.key, error)


class MessageExecution:
    """Runs the message handler."""

    def __init__(self, connection: Connection, handler: MessageHandler, *, patience: float) -> None:
        self._connection = connection
        self._handler = handler
        self._name = getattr(handler, "__qualname__", type(handler).__qualname__)[:_MOST_NAME]
        self._patience = patience

    async def run(self, delivery: message_service_pb2.Delivery) -> message_service_pb2.Settlement:
        """What is to become of the delivery: done with, to come again, or given up. Raises only a cancellation."""
        settlement = message_service_pb2.Settlement(delivery_id=delivery.delivery_id)
        message_id = delivery.message.id
        with joined(delivery.message.traceparent):
            try:
                message = Message.of(delivery.message, delivery.attempt)
                await self._handler(MessageContext(self._connection, message, patience=self._patience), message)
            except (Reject, payload.PayloadInvalid) as error:
                _log.warning("message %s: given up: %s", message_id, error)
                settlement.terminate.reason = words(str(error))
                settlement.terminate.handler = self._name
            except Exception as error:
                _log.warning("message %s: the handler failed", message_id, exc_info=True)
                settlement.nack.reason = words(f"{type(error).__name__}: {error}")
                settlement.nack.handler = self._name
            else:
                settlement.ack.SetInParent()
        return settlement
