"""Topics, put together."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from rookery_kit.bus import Bus
from rookery_kit.clock import Clock, new_id

from rookery_orchestrator.directory import AgentDirectory
from rookery_orchestrator.mailbox.wire import seal, unseal_message
from rookery_orchestrator.topics.fan_out import FanOutRelay, MailSender
from rookery_orchestrator.topics.publishing import AgentSearch, Publishing
from rookery_orchestrator.topics.store import FanOutStore, TopicStore
from rookery_orchestrator.topics.topic_log import JetStreamTopicLog
from rookery_orchestrator.topics.topics import Topics
from rookery_orchestrator.topics.undeliverable import Undeliverable
from rookery_orchestrator.topics.watching import WatchTopic


@dataclass(frozen=True, slots=True)
class TopicParts:
    """The use cases, and the loops that run beside them."""

    topics: Topics
    publishing: Publishing
    watch: WatchTopic
    background: tuple[Callable[[], Coroutine[Any, Any, None]], ...]


def compose_topics(
    *,
    bus: Bus,
    store: TopicStore,
    fan_outs: FanOutStore,
    sender: MailSender,
    directory: AgentDirectory,
    search: AgentSearch,
    clock: Clock,
) -> TopicParts:
    """Builds it; `sender` puts mail into mailboxes."""
    log = JetStreamTopicLog(bus)
    relay = FanOutRelay(fan_outs, sender, log, Undeliverable(bus, clock), unseal_message)
    return TopicParts(
        topics=Topics(store, directory, clock, new_id),
        publishing=Publishing(store=fan_outs, relay=relay, search=search, seal=seal, clock=clock, new_id=new_id),
        watch=WatchTopic(store, log),
        background=(relay.run,),
    )
