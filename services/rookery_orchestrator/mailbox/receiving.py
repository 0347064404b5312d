"""Receiving mail."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from rookery_kit.identity import Principal

from rookery_orchestrator.directory import AgentDirectory, Metadata
from rookery_orchestrator.mailbox.broker import MailBroker
from rookery_orchestrator.mailbox.frames import FromAgent, OpenMailbox, ToAgent
from rookery_orchestrator.mailbox.model import ReceivingSession
from rookery_orchestrator.mailbox.policy import DeliveryPolicy
from rookery_orchestrator.mailbox.receiver import Receiver
from rookery_orchestrator.session_errors import NotAnAgent, StreamProtocol


class ReceiveMail:
    """Opens an agent's mailbox and delivers its mail."""

    def __init__(self, broker: MailBroker, directory: AgentDirectory, policy: DeliveryPolicy) -> None:
        self._broker = broker
        self._directory = directory
        self._policy = policy

    async def __call__(
        self, caller: Principal, forward: Metadata, incoming: AsyncIterator[FromAgent]
    ) -> AsyncGenerator[ToAgent, None]:
        """The frames for the agent, until it ends the stream.

        Raises NotAnAgent, StreamProtocol, SessionSuperseded, AgentUnknown, or Unavailable when the mailbox cannot be
        opened; an outage later on is waited out.
        """
        if caller.kind != "agent":
            raise NotAnAgent(caller.subject)
        opening = await anext(incoming, None)
        if not isinstance(opening, OpenMailbox):
            raise StreamProtocol("the first frame opens the mailbox")
        agent = await self._directory.session(caller.tenant, caller.identifier, opening.session_epoch, forward)
        session = ReceivingSession(opening.session_epoch, opening.agent_version)
        mailbox = await self._broker.open(caller.tenant, agent.id, session)
        async with aclosing(Receiver(mailbox, self._policy).run(incoming)) as frames:
            async for frame in frames:
                yield frame
