"""TopicService: decode, call, encode."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from rookery.orchestrator.v1 import topic_pb2, topic_service_pb2, topic_service_pb2_grpc
from rookery_kit.postgres.paging import PageToken, page_size
from rookery_kit.rpc import Call
from rookery_kit.rpc.times import moment_in

from rookery_orchestrator.mailbox.wire import unseal
from rookery_orchestrator.rpc.publications import decode_publication
from rookery_orchestrator.topics.model import LoggedPublication, Start, Topic, TopicMember
from rookery_orchestrator.topics.publishing import Publishing
from rookery_orchestrator.topics.topics import Topics
from rookery_orchestrator.topics.watching import WatchTopic


class TopicRpc(topic_service_pb2_grpc.TopicServiceServicer):
    """Serves rookery.orchestrator.v1.TopicService."""

    def __init__(self, topics: Topics, publishing: Publishing, watch: WatchTopic) -> None:
        self._topics = topics
        self._publishing = publishing
        self._watch = watch

    async def CreateTopic(
        self, request: topic_service_pb2.CreateTopicRequest, context: object
    ) -> topic_service_pb2.CreateTopicResponse:
        """Creates a topic."""
        topic = await self._topics.create(Call.of(context).principal, request.topic, request.description)
        return topic_service_pb2.CreateTopicResponse(topic=_encode_topic(topic))

    async def GetTopic(
        self, request: topic_service_pb2.GetTopicRequest, context: object
    ) -> topic_service_pb2.GetTopicResponse:
        """Reads one topic."""
        topic = await self._topics.get(Call.of(context).principal, request.topic)
        return topic_service_pb2.GetTopicResponse(topic=_encode_topic(topic))

    async def DeleteTopic(
        self, request: topic_service_pb2.DeleteTopicRequest, context: object
    ) -> topic_service_pb2.DeleteTopicResponse:
        """Removes a topic."""
        await self._topics.delete(Call.of(context).principal, request.topic)
        return topic_service_pb2.DeleteTopicResponse()

    async def ListTopics(
        self, request: topic_service_pb2.ListTopicsRequest, context: object
    ) -> topic_service_pb2.ListTopicsResponse:
        """Lists topics by name."""
        listing, size = f"topics {request.member_agent_id}", page_size(request.page_size)
        (after,) = PageToken.decode(listing, request.page_token) or ("",)
        principal = Call.of(context).principal
        found = await self._topics.page(principal, after, request.member_agent_id, size + 1)
        more = PageToken.encode(listing, found[size - 1].name) if len(found) > size else ""
        topics = map(_encode_topic, found[:size])
        return topic_service_pb2.ListTopicsResponse(topics=topics, next_page_token=more)

    async def JoinTopic(
        self, request: topic_service_pb2.JoinTopicRequest, context: object
    ) -> topic_service_pb2.JoinTopicResponse:
        """Makes an agent a member."""
        call = Call.of(context)
        member = await self._topics.join(call.principal, request.topic, request.agent_id, call.forward)
        return topic_service_pb2.JoinTopicResponse(member=_encode_member(member))

    async def LeaveTopic(
        self, request: topic_service_pb2.LeaveTopicRequest, context: object
    ) -> topic_service_pb2.LeaveTopicResponse:
        """Ends a membership."""
        await self._topics.leave(Call.of(context).principal, request.topic, request.agent_id)
        return topic_service_pb2.LeaveTopicResponse()

    async def ListTopicMembers(
        self, request: topic_service_pb2.ListTopicMembersRequest, context: object
    ) -> topic_service_pb2.ListTopicMembersResponse:
        """Lists the members of a topic."""
        listing, size = f"topic members {request.topic}", page_size(request.page_size)
        (after,) = PageToken.decode(listing, request.page_token) or ("",)
        found = await self._topics.members(Call.of(context).principal, request.topic, after, size + 1)
        more = PageToken.encode(listing, found[size - 1].agent_id) if len(found) > size else ""
        members = map(_encode_member, found[:size])
        return topic_service_pb2.ListTopicMembersResponse(members=members, next_page_token=more)

    async def Publish(
        self, request: topic_service_pb2.PublishRequest, context: object
    ) -> topic_service_pb2.PublishResponse:
        """Tells the members of a topic."""
        draft = decode_publication(request)
        published = await self._publishing.publish(Call.of(context).principal, request.topic, draft)
        return topic_service_pb2.PublishResponse(
            message_id=published.message_id,
            recipient_count=published.recipient_count,
            pending_count=published.pending_count,
            duplicate=published.duplicate,
        )

    async def Subscribe(
        self, request: topic_service_pb2.SubscribeRequest, context: object
    ) -> AsyncIterator[topic_service_pb2.SubscribeResponse]:
        """Tells of what is published."""
        watch = self._watch(Call.of(context).principal, request.topic, _decode_start(request))
        async with aclosing(watch) as publications:
            async for publication in publications:
                yield _encode_publication(publication)


def _decode_start(request: topic_service_pb2.SubscribeRequest) -> Start:
    match request.WhichOneof("from"):
        case "after_sequence":
            return Start(after_sequence=request.after_sequence)
        case "since":
            return Start(since=moment_in(request, "since"))
        case _:
            return Start()


def _encode_publication(publication: LoggedPublication | None) -> topic_service_pb2.SubscribeResponse:
    if publication is None:
        return topic_service_pb2.SubscribeResponse(opened=topic_service_pb2.SubscriptionOpened())
    encoded = topic_service_pb2.TopicPublication(sequence=publication.sequence, message=unseal(publication.mail))
    return topic_service_pb2.SubscribeResponse(publication=encoded)


def _encode_topic(topic: Topic) -> topic_pb2.Topic:
    return topic_pb2.Topic(
        name=topic.name,
        description=topic.description,
        creator=topic.creator,
        create_time=topic.create_time,
        member_count=topic.member_count,
    )


def _encode_member(member: TopicMember) -> topic_pb2.TopicMember:
    return topic_pb2.TopicMember(agent_id=member.agent_id, join_time=member.join_time)
