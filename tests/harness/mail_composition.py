"""The messages of an orchestrator, put together for a test that knows its agents itself and has no registry."""

from typing import Protocol

from rookery.orchestrator.v1.dead_letter_service_pb2_grpc import add_DeadLetterServiceServicer_to_server
from rookery.orchestrator.v1.message_service_pb2_grpc import add_MessageServiceServicer_to_server
from rookery.orchestrator.v1.topic_service_pb2_grpc import add_TopicServiceServicer_to_server
from rookery_kit.foundation import Foundation
from rookery_kit.lifecycle import Service
from rookery_kit.postgres import load_queries
from rookery_kit.rpc import Registration
from rookery_orchestrator.directory import AgentDirectory
from rookery_orchestrator.mailbox.composition import MailStores, compose_mailbox
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.postgres import (
    PostgresDelayedStore,
    PostgresFanOutStore,
    PostgresSettledStore,
    PostgresTopicStore,
)
from rookery_orchestrator.rpc.conversations import Conversations
from rookery_orchestrator.rpc.dead_letters import DeadLetterRpc
from rookery_orchestrator.rpc.mailboxes import Mailboxes
from rookery_orchestrator.rpc.messages import MessageRpc
from rookery_orchestrator.rpc.topics import TopicRpc
from rookery_orchestrator.topics.composition import compose_topics
from rookery_orchestrator.topics.publishing import AgentSearch
from rookery_orchestrator.upkeep import compose_upkeep

_KEPT_DAYS = 30


class Directory(AgentDirectory, AgentSearch, Protocol):
    """Finds agents, by name and by what they are."""


async def compose_messages(foundation: Foundation, agents: Directory, policy: DeliveryPolicy) -> Service:
    """What serves messages, topics and dead letters."""
    bus, clock, database = foundation.bus, foundation.clock, foundation.database
    queries = load_queries("rookery_orchestrator")
    topic_queries = load_queries("rookery_orchestrator.topics")
    mailbox = await compose_mailbox(
        bus,
        agents,
        clock,
        policy,
        MailStores(PostgresSettledStore(database, queries), PostgresDelayedStore(database, queries)),
        lambda tenant: foundation.tenant_states.of(tenant).quotas,
    )
    topics = compose_topics(
        bus=bus,
        store=PostgresTopicStore(database, topic_queries),
        fan_outs=PostgresFanOutStore(database, topic_queries),
        sender=mailbox.mail,
        directory=agents,
        search=agents,
        clock=mailbox.clock,
    )
    upkeep = compose_upkeep(
        database=database,
        bus=bus,
        clock=mailbox.clock,
        directory=agents,
        mailbox=mailbox,
        trail_days=_KEPT_DAYS,
        dead_letter_days=_KEPT_DAYS,
    )
    conversations = Conversations(mailbox.ask_agent, mailbox.reply_to_request, topics.publishing)
    mailboxes = Mailboxes(upkeep.tend_mailbox, upkeep.list_messages)
    messages = MessageRpc(mailbox.send_message, mailbox.receive_mail, conversations, mailboxes)
    dead_letters = DeadLetterRpc(upkeep.read_dead_letters, upkeep.settle_dead_letters)
    return Service(
        (
            Registration(add_MessageServiceServicer_to_server, messages),
            Registration(add_DeadLetterServiceServicer_to_server, dead_letters),
            Registration(add_TopicServiceServicer_to_server, TopicRpc(topics.topics, topics.publishing, topics.watch)),
        ),
        (*mailbox.background, *topics.background, *upkeep.background),
    )
