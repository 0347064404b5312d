"""Publishing many messages to one stream at once: the server stores all of them or none, and syncs once."""

import asyncio
import json
from collections.abc import Sequence
from typing import NamedTuple

from nats.errors import Error as NatsError

from rookery_kit.bus.bulk_client import BulkClient, Frame
from rookery_kit.bus.refusals import BusUnavailable, PayloadTooLarge, refusal
from rookery_kit.bus.subjects import MESSAGE_ID_HEADER, TIME_TO_LIVE_HEADER, TRACEPARENT_HEADER

MOST_IN_BATCH = 1000
_BATCH_ID = "Nats-Batch-Id"
_BATCH_SEQUENCE = "Nats-Batch-Sequence"
_BATCH_COMMIT = "Nats-Batch-Commit"
# What the headers of a message may take, counted with its payload by the server.
_HEADER_ROOM = 1024


class Publication(NamedTuple):
    """A message for a stream.

    Empty `message_id`: it is not protected against repetition. `time_to_live`: after so many whole seconds the server
    removes it; 0: never.
    """

    subject: str
    payload: bytes
    message_id: str = ""
    traceparent: str = ""
    time_to_live: int = 0

    def headers(self) -> dict[str, str]:
        """What goes before the payload."""
        headers = {}
        if self.message_id:
            headers[MESSAGE_ID_HEADER] = self.message_id
        if self.traceparent:
            headers[TRACEPARENT_HEADER] = self.traceparent
        if self.time_to_live:
            headers[TIME_TO_LIVE_HEADER] = str(self.time_to_live)
        return headers


def require_size(client: BulkClient, publication: Publication) -> None:
    """Raises PayloadTooLarge for what the server would refuse."""
    limit = client.max_payload - _HEADER_ROOM
    if len(publication.payload) > limit:
        raise PayloadTooLarge(len(publication.payload), limit)


async def publish_batch(client: BulkClient, batch: Sequence[Publication], *, batch_id: str, timeout: float) -> None:
    """Stores 1 to 1,000 messages of one stream, which allows it, in their order, and answers once they are durable.

    All of them or none. Raises, with nothing stored: PayloadTooLarge; DuplicateInBatch when the stream knows one of
    the ids within its window, or two are the same; StreamFull when there is no room for all; BatchAbandoned. Raises
    BusUnavailable when the outcome is not known: publishing the same ids again is safe, and DuplicateInBatch then.
    """
    if not 1 <= len(batch) <= MOST_IN_BATCH:
        raise ValueError(f"a batch holds 1 to {MOST_IN_BATCH} messages, not {len(batch)}")
    for publication in batch:
        require_size(client, publication)
    try:
        # Only the last one is answered: the server says there what was wrong with the others.
        async with asyncio.timeout(timeout):
            await client.publish_frames(
                Frame(
                    publication.subject,
                    {**publication.headers(), _BATCH_ID: batch_id, _BATCH_SEQUENCE: str(sequence)},
                    publication.payload,
                )
                for sequence, publication in enumerate(batch[:-1], start=1)
            )
        last = batch[-1]
        headers = last.headers()
        headers |= {_BATCH_ID: batch_id, _BATCH_SEQUENCE: str(len(batch)), _BATCH_COMMIT: "1"}
        answer = await client.request(last.subject, last.payload, timeout=timeout, headers=headers)
    except (NatsError, OSError, TimeoutError) as error:
        raise BusUnavailable(f"the bus does not answer: {type(error).__name__}") from error
    told = json.loads(answer.data)
    if "error" in told:
        raise refusal(told["error"])
