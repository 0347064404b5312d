"""Whether some stream, on whichever replica, receives from a mailbox."""

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from rookery_kit.bus.subjects import PREFIX

from rookery_orchestrator.mailbox.consumers import bus_errors
from rookery_orchestrator.mailbox.jetstream_broker import JetStreamBroker

_ANSWER_SECONDS = 0.5


class Presence:
    """Asks all replicas; the one that holds the mailbox answers, and the others keep silent."""

    def __init__(self, client: Client, broker: JetStreamBroker) -> None:
        self._client = client
        self._broker = broker

    async def start(self) -> None:
        """Begins to answer others. Raises BusUnavailable."""
        with bus_errors():
            await self._client.subscribe(_subject("*", "*"), cb=self._answer)

    async def session_of(self, tenant: str, agent_id: str) -> int | None:
        """The session of the stream that receives; None: nobody says that there is one, within half a second."""
        held = self._broker.held(tenant, agent_id)
        if held is not None:
            return held
        try:
            answer = await self._client.request(_subject(tenant, agent_id), timeout=_ANSWER_SECONDS)
        except (NatsError, TimeoutError):
            return None
        return int(answer.data)

    async def _answer(self, question: Msg) -> None:
        _, tenant, _, agent_id = question.subject.split(".")
        held = self._broker.held(tenant, agent_id)
        if held is not None:
            await question.respond(str(held).encode())


def _subject(tenant: str, agent_id: str) -> str:
    return f"{PREFIX}.{tenant}.presence.{agent_id}"
