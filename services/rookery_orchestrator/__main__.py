"""The composition root of the orchestrator."""

from datetime import timedelta

from rookery.orchestrator.v1.dead_letter_service_pb2_grpc import add_DeadLetterServiceServicer_to_server
from rookery.orchestrator.v1.message_service_pb2_grpc import add_MessageServiceServicer_to_server
from rookery.orchestrator.v1.task_service_pb2_grpc import add_TaskServiceServicer_to_server
from rookery.orchestrator.v1.topic_service_pb2_grpc import add_TopicServiceServicer_to_server
from rookery_kit.bus import EventConsumer
from rookery_kit.foundation import Foundation
from rookery_kit.lifecycle import Service, run_service
from rookery_kit.postgres import load_queries
from rookery_kit.rpc import Registration, open_channel
from rookery_kit.tenant_erasure import TenantErasure, erase_from_bus

from rookery_orchestrator.changes import TaskChanges
from rookery_orchestrator.consumer import AGENT_EVENTS, AgentEvents, AgentTidings, TaskEvents
from rookery_orchestrator.dispatch.dispatcher import Dispatcher
from rookery_orchestrator.dispatch.lease_keeper import LeaseExtension, Reaper
from rookery_orchestrator.dispatch.reporting import Reporting
from rookery_orchestrator.dispatch.sessions import WorkSessions
from rookery_orchestrator.dispatch.workers import Workers
from rookery_orchestrator.mailbox.composition import MailStores, compose_mailbox
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.mailbox.settled_janitor import SettledJanitor
from rookery_orchestrator.postgres import (
    PostgresAgentProjection,
    PostgresDelayedStore,
    PostgresFanOutStore,
    PostgresLeaseStore,
    PostgresSettledStore,
    PostgresTaskStore,
    PostgresTopicStore,
)
from rookery_orchestrator.registry_directory import RegistryDirectory
from rookery_orchestrator.rpc.conversations import Conversations
from rookery_orchestrator.rpc.dead_letters import DeadLetterRpc
from rookery_orchestrator.rpc.mailboxes import Mailboxes
from rookery_orchestrator.rpc.messages import MessageRpc
from rookery_orchestrator.rpc.tasks import TaskRpc
from rookery_orchestrator.rpc.topics import TopicRpc
from rookery_orchestrator.rpc.work import WorkStream
from rookery_orchestrator.service.cancel_task import CancelTask
from rookery_orchestrator.service.create_task import CreateTask
from rookery_orchestrator.service.read_tasks import ReadTasks
from rookery_orchestrator.service.watch_task import WatchTask
from rookery_orchestrator.settings import OrchestratorSettings
from rookery_orchestrator.topics.composition import compose_topics
from rookery_orchestrator.topics.registry_search import RegistrySearch
from rookery_orchestrator.upkeep import compose_upkeep


async def compose(settings: OrchestratorSettings, foundation: Foundation) -> Service:
    """Puts the orchestrator together."""
    clock, database, bus = foundation.clock, foundation.database, foundation.bus
    queries = load_queries("rookery_orchestrator")
    tasks = PostgresTaskStore(database, queries)
    leases = PostgresLeaseStore(database, queries)
    projection = PostgresAgentProjection(database, queries)
    registry = open_channel(settings.registry_address)
    foundation.keep.push_async_callback(registry.close)
    directory = RegistryDirectory(projection, registry, clock)
    relay = foundation.relay

    changes = TaskChanges()
    workers = Workers(changes)
    dispatcher = Dispatcher(leases, workers, changes, relay.wake, poll=settings.dispatch_poll_seconds)
    sessions = WorkSessions(
        store=leases,
        workers=workers,
        dispatcher=dispatcher,
        reporting=Reporting(leases, changes, relay.wake),
        clock=clock,
        lease_grace=timedelta(seconds=settings.lease_grace_seconds),
    )
    reaper = Reaper(leases, changes, relay.wake, every=settings.reap_seconds, grace=settings.lease_grace_seconds)
    watch = WatchTask(tasks, changes)
    task_rpc = TaskRpc(
        create=CreateTask(tasks, changes, relay.wake),
        read=ReadTasks(tasks),
        cancel=CancelTask(tasks, changes, database.after_commit, relay.wake),
        watch=watch,
        work=WorkStream(sessions, directory),
    )
    settled = PostgresSettledStore(database, queries)
    mailbox = await compose_mailbox(
        bus,
        directory,
        clock,
        DeliveryPolicy(
            ack_wait=settings.delivery_ack_wait_seconds,
            max_deliveries=settings.max_deliveries,
            receiver_inactive=settings.receiver_inactive_seconds,
            nack_backoff=settings.nack_backoff_seconds,
            trail_payloads=settings.message_trail_payloads,
            most_delayed=settings.most_delayed_messages,
            consumers_in_memory=settings.stream_replicas == 1,
            settled_days=settings.settled_message_days,
            summarized=settings.summarized_messages,
        ),
        MailStores(settled, PostgresDelayedStore(database, queries)),
        lambda tenant: foundation.tenant_states.of(tenant).quotas,
    )
    topic_queries = load_queries("rookery_orchestrator.topics")
    topic_store = PostgresTopicStore(database, topic_queries)
    topics = compose_topics(
        bus=bus,
        store=topic_store,
        fan_outs=PostgresFanOutStore(database, topic_queries),
        sender=mailbox.mail,
        directory=directory,
        search=RegistrySearch(registry),
        clock=mailbox.clock,
    )
    conversations = Conversations(mailbox.ask_agent, mailbox.reply_to_request, topics.publishing)
    upkeep = compose_upkeep(
        database=database,
        bus=bus,
        clock=mailbox.clock,
        directory=directory,
        mailbox=mailbox,
        trail_days=settings.message_trail_days,
        dead_letter_days=settings.dead_letter_days,
    )
    mailboxes = Mailboxes(upkeep.tend_mailbox, upkeep.list_messages)
    message_rpc = MessageRpc(mailbox.send_message, mailbox.receive_mail, conversations, mailboxes)
    dead_letter_rpc = DeadLetterRpc(upkeep.read_dead_letters, upkeep.settle_dead_letters)
    topic_rpc = TopicRpc(topics.topics, topics.publishing, topics.watch)
    agents = AgentEvents(projection, topic_store, directory.forget, workers.agent_changed)
    agent_consumer = EventConsumer(
        bus, database, durable="orchestrator-agents", filter_subject=AGENT_EVENTS, handle=agents.handle
    )
    for_agents = (
        Registration(add_TaskServiceServicer_to_server, task_rpc),
        Registration(add_MessageServiceServicer_to_server, message_rpc),
        Registration(add_TopicServiceServicer_to_server, topic_rpc),
    )
    return Service(
        registrations=(*for_agents, Registration(add_DeadLetterServiceServicer_to_server, dead_letter_rpc)),
        over_nats=for_agents,
        background=(
            *mailbox.background,
            SettledJanitor(settled, _inbox_age(settings)).run,
            *upkeep.background,
            *topics.background,
            agent_consumer.run,
            TenantErasure(foundation, "orchestrator", erase_more=erase_from_bus(bus)).run,
            TaskEvents(bus, changes).run,
            AgentTidings(bus, directory.forget, workers.agent_changed).run,
            dispatcher.run,
            LeaseExtension(leases, workers).run,
            reaper.run,
        ),
    )


def _inbox_age(settings: OrchestratorSettings) -> timedelta:
    """How long the inbox keeps a message: no less than the audit trail, which learns from it what was acknowledged."""
    return timedelta(days=max(settings.settled_message_days, settings.message_trail_days + 1))


def main() -> None:
    """Runs the service."""
    run_service(OrchestratorSettings, compose)


if __name__ == "__main__":
    main()
