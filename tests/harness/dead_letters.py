"""Making dead letters, and asking for them."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration
from rookery.orchestrator.v1 import dead_letter_pb2, dead_letter_service_pb2, dead_letter_service_pb2_grpc

from harness.eventually import eventually
from harness.mailbox_service import MailAgent, MailService, nacked, terminated
from harness.tokens import Bearer


class DeadLetterDesk:
    """The stub of DeadLetterService, as the administrator's or with the metadata given."""

    def __init__(self, mail: MailService, metadata: Bearer | None = None) -> None:
        self._metadata = metadata or mail.mint.bearer()
        self.stub: dead_letter_service_pb2_grpc.DeadLetterServiceAsyncStub
        self.stub = dead_letter_service_pb2_grpc.DeadLetterServiceStub(mail.channel)

    async def list(self, filter_: str = "", **fields: object) -> dead_letter_service_pb2.ListDeadLettersResponse:
        """One page."""
        request = dead_letter_service_pb2.ListDeadLettersRequest(filter=filter_, **fields)  # type: ignore[arg-type]
        return await self.stub.ListDeadLetters(request, metadata=self._metadata)

    async def listed(self, count: int, filter_: str = "") -> Sequence[dead_letter_pb2.DeadLetter]:
        """So many, once there are so many."""

        async def enough() -> Sequence[dead_letter_pb2.DeadLetter]:
            found = (await self.list(filter_)).dead_letters
            assert len(found) == count, found
            return found

        return await eventually(enough) if count else (await self.list(filter_)).dead_letters

    async def get(self, dead_letter_id: str) -> dead_letter_pb2.DeadLetter:
        """One with its attempts."""
        request = dead_letter_service_pb2.GetDeadLetterRequest(dead_letter_id=dead_letter_id)
        return (await self.stub.GetDeadLetter(request, metadata=self._metadata)).dead_letter

    async def requeue(self, **target: object) -> int:
        """Requeues; answers how many."""
        request = dead_letter_service_pb2.RequeueDeadLettersRequest(**target)  # type: ignore[arg-type]
        return (await self.stub.RequeueDeadLetters(request, metadata=self._metadata)).requeued

    async def discard(self, **target: object) -> int:
        """Discards; answers how many."""
        request = dead_letter_service_pb2.DiscardDeadLettersRequest(**target)  # type: ignore[arg-type]
        return (await self.stub.DiscardDeadLetters(request, metadata=self._metadata)).discarded


async def kill_letters(mail: MailService, agent: MailAgent, *texts: str, **fields: Any) -> None:
    """Sends messages and gives each of them up, in their order."""
    for data in texts:
        await mail.send(agent, data, **fields)
    async with mail.receiving(agent, grant=len(texts)) as receiver:
        for data in texts:
            delivery = await receiver.delivery()
            await receiver.settle(terminated(delivery, f"cannot stand {data}"))
            await receiver.settled()


async def exhaust(mail: MailService, agent: MailAgent, attempts: int, *, handler: str = "") -> None:
    """Refuses the next message so often."""
    async with mail.receiving(agent, grant=attempts) as receiver:
        for attempt in range(1, attempts + 1):
            delivery = await receiver.delivery()
            refused = nacked(delivery, delay=Duration(), reason=f"failed {attempt}", handler=handler)
            await receiver.settle(refused)
            await receiver.settled()
