"""Messages."""

from rookery.orchestrator.v1 import payload_pb2
from rookery_sdk import Client
from rookery_sdk.messages import PriorityName

from rookery_cli.documents import message_document
from rookery_cli.lookup import find_agent
from rookery_cli.output import Output


async def send_message(
    client: Client,
    recipient: str,
    content: payload_pb2.Payload | None,
    kind: str,
    priority: PriorityName,
    correlation_id: str,
    output: Output,
) -> None:
    """Puts a message into an agent's mailbox."""
    agent = await find_agent(client, recipient)
    message = await client.send(agent.id, content, type=kind, priority=priority, correlation_id=correlation_id)
    output.done(message_document(message), f"message {message.id} is in the mailbox of {agent.name}")
