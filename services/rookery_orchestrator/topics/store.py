"""What topics keep. Every method is atomic, and durable when it returns."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from rookery_orchestrator.topics.model import (
    Accepted,
    FanOut,
    LoggedPublication,
    Start,
    Topic,
    TopicMember,
    WaitingCopy,
)


class TopicStore(Protocol):
    """Topics and who has joined them. Whatever names a topic that is not there raises TopicNotFound."""

    async def create(self, topic: Topic) -> Topic:
        """Keeps a topic. Raises TopicExists."""
        ...

    async def find(self, tenant: str, name: str) -> Topic:
        """The topic of a name."""
        ...

    async def delete(self, tenant: str, name: str) -> None:
        """Removes a topic and its members."""
        ...

    async def page(self, tenant: str, after: str, member_agent_id: str, limit: int) -> Sequence[Topic]:
        """Topics by name, after one; only those that an agent has joined, if one is given."""
        ...

    async def join(self, tenant: str, name: str, agent_id: str) -> TopicMember:
        """Makes an agent a member; answers the membership it has. Raises FanOutLimit."""
        ...

    async def leave(self, tenant: str, name: str, agent_id: str) -> None:
        """Ends a membership, if there is one."""
        ...

    async def members(self, tenant: str, name: str, after: str, limit: int) -> Sequence[TopicMember]:
        """Members by agent id, after one; `after` is empty for the first."""
        ...


class FanOutRound(Protocol):
    """One round of carrying messages to their many recipients; nobody else has one at the same time."""

    async def fresh(self, limit: int) -> Sequence[FanOut]:
        """Messages that have not been offered to anybody, in the order of acceptance."""
        ...

    async def blocked(self, fan_outs: Sequence[FanOut]) -> Mapping[int, Collection[str]]:
        """By place, the recipients for whom an earlier message of the same sender waits."""
        ...

    async def due(self, limit: int) -> Sequence[tuple[FanOut, Sequence[WaitingCopy]]]:
        """Copies to be offered again, each with its message; of a sender's for one recipient the first alone."""
        ...

    async def offered(self, fan_outs: Mapping[int, Collection[str]]) -> None:
        """Notes, by place, that messages were offered, and to whom they could not be delivered."""
        ...

    async def refused_again(self, copies: Sequence[WaitingCopy], after: timedelta) -> None:
        """Lets copies wait for another while."""
        ...

    async def delivered(self, copies: Sequence[WaitingCopy]) -> None:
        """Notes that copies wait no more."""
        ...


class FanOutStore(Protocol):
    """Messages to many that are accepted and not yet carried to every recipient."""

    async def publish(self, fan_out: FanOut, topic: str) -> Accepted:
        """Keeps a message for everyone who is a member of a topic at this moment, except its sender.

        Raises TopicNotFound, or FanOutLimit.
        """
        ...

    async def broadcast(self, fan_out: FanOut) -> Accepted:
        """Keeps a message for its recipients. Raises FanOutLimit."""
        ...

    async def recall(self, tenant: str, fan_out_id: str) -> Accepted | None:
        """What was accepted under an id; None: nothing."""
        ...

    async def pending(self, places: Sequence[int]) -> Mapping[int, int]:
        """For how many recipients each of these messages waits, of those that have been offered."""
        ...

    def round(self) -> AbstractAsyncContextManager[FanOutRound | None]:
        """A round, whose effects are kept at the end of the block; None: another replica has one."""
        ...

    async def forget_ended(self, older_than: timedelta) -> None:
        """Removes messages that were carried to everyone so long ago."""
        ...


class TopicLog(Protocol):
    """What was published to a topic, for those who watch."""

    async def append(self, fan_out: FanOut) -> None:
        """Keeps a publication, once. Raises Unavailable."""
        ...

    def read(self, topic: Topic, start: Start) -> AsyncGenerator[LoggedPublication | None, None]:
        """Publications from a place on, without end; None first, and whenever none has come for a while."""
        ...
