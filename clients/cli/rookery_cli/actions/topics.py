"""Topics."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, cast
from uuid import uuid4

from rookery.orchestrator.v1 import payload_pb2, topic_pb2, topic_service_pb2
from rookery_sdk import Client, Message

from rookery_cli.chains import acting
from rookery_cli.lookup import find_agent
from rookery_cli.output import Column, Output
from rookery_cli.paging import Extent, collect
from rookery_cli.suite import CALL_SECONDS
from rookery_cli.times import ago, rfc3339

_TOPICS = (
    Column("NAME", lambda topic: topic["name"], fixed=True),
    Column("MEMBERS", lambda topic: topic["member_count"], fixed=True),
    Column("DESCRIPTION", lambda topic: topic["description"]),
    Column("CREATED", lambda topic: ago(topic["create_time"])),
)
_MEMBERS = (
    Column("AGENT", lambda member: member["agent_id"], fixed=True),
    Column("JOINED", lambda member: ago(member["join_time"])),
)


async def list_topics(client: Client, member: str, extent: Extent, output: Output) -> None:
    """Shows topics by name."""
    member_id = (await find_agent(client, member)).id if member else ""

    async def fetch(size: int, token: str) -> tuple[Sequence[topic_pb2.Topic], str]:
        request = topic_service_pb2.ListTopicsRequest(page_size=size, page_token=token, member_agent_id=member_id)
        page = await client.topics.ListTopics(request, timeout=CALL_SECONDS)
        return page.topics, page.next_page_token

    topics, more = await collect(fetch, extent)
    output.listing("topics", [_topic_document(topic) for topic in topics], _TOPICS, more=more)


async def create_topic(client: Client, name: str, description: str, output: Output) -> None:
    """Creates a topic."""
    request = topic_service_pb2.CreateTopicRequest(request_id=str(uuid4()), topic=name, description=description)
    topic = (await client.topics.CreateTopic(request, timeout=CALL_SECONDS)).topic
    output.done(_topic_document(topic), f"topic {topic.name} is created")


async def delete_topic(client: Client, name: str, output: Output) -> None:
    """Removes a topic."""
    request = topic_service_pb2.DeleteTopicRequest(request_id=str(uuid4()), topic=name)
    await client.topics.DeleteTopic(request, timeout=CALL_SECONDS)
    output.done({"name": name}, f"topic {name} is removed")


async def list_members(client: Client, name: str, extent: Extent, output: Output) -> None:
    """Shows the members of a topic."""

    async def fetch(size: int, token: str) -> tuple[Sequence[topic_pb2.TopicMember], str]:
        request = topic_service_pb2.ListTopicMembersRequest(topic=name, page_size=size, page_token=token)
        page = await client.topics.ListTopicMembers(request, timeout=CALL_SECONDS)
        return page.members, page.next_page_token

    members, more = await collect(fetch, extent)
    output.listing("members", [_member_document(member) for member in members], _MEMBERS, more=more)


async def join_topic(client: Client, name: str, key: str, output: Output) -> None:
    """Makes an agent a member."""
    agent = await find_agent(client, key)
    request = topic_service_pb2.JoinTopicRequest(request_id=str(uuid4()), topic=name, agent_id=agent.id)
    member = (await client.topics.JoinTopic(request, timeout=CALL_SECONDS)).member
    output.done(_member_document(member), f"agent {agent.name} is a member of {name}")


async def leave_topic(client: Client, name: str, key: str, output: Output) -> None:
    """Ends a membership."""
    agent = await find_agent(client, key)
    request = topic_service_pb2.LeaveTopicRequest(request_id=str(uuid4()), topic=name, agent_id=agent.id)
    await client.topics.LeaveTopic(request, timeout=CALL_SECONDS)
    output.done({"topic": name, "agent_id": agent.id}, f"agent {agent.name} is no member of {name} any more")


async def publish_to(client: Client, name: str, content: payload_pb2.Payload | None, kind: str, output: Output) -> None:
    """Tells the members of a topic."""
    published = await client.publish(name, content, type=kind)
    document = {
        "message_id": published.message_id,
        "recipient_count": published.recipients,
        "pending_count": published.pending,
    }
    waiting = f", {published.pending} of them later" if published.pending else ""
    output.done(document, f"message {published.message_id} goes to {published.recipients} members{waiting}")


async def watch_topic(client: Client, name: str, after: int | None, count: int | None, output: Output) -> None:
    """Shows what is published, at most `count`."""
    shown = 0
    publications = cast("Any", client.watch_topic(name, after_sequence=after))
    async with aclosing(publications) as watching:
        async for sequence, message in watching:
            _show(sequence, message, output)
            shown += 1
            if shown == count:
                return


def _show(sequence: int, message: Message, output: Output) -> None:
    value = message.payload if not isinstance(message.payload, bytes) else f"{len(message.payload)} bytes"
    if not output.as_json:
        output.line(f"{sequence}  {acting(message.delegates, message.sender)}  {message.type}  {value}")
        return
    output.json_line(
        {
            "sequence": sequence,
            "id": message.id,
            "sender": message.sender,
            "delegates": list(message.delegates),
            "type": message.type,
            "correlation_id": message.correlation_id or None,
            "create_time": message.create_time.isoformat().replace("+00:00", "Z"),
            "payload": value,
        }
    )


def _topic_document(topic: topic_pb2.Topic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "description": topic.description,
        "member_count": topic.member_count,
        "creator": topic.creator,
        "create_time": rfc3339(topic.create_time),
    }


def _member_document(member: topic_pb2.TopicMember) -> dict[str, Any]:
    return {"agent_id": member.agent_id, "join_time": rfc3339(member.join_time)}
