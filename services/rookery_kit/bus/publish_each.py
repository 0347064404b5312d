"""Publishing a few messages to one stream, each by itself and all at once: one may be refused and the next stored."""

import json
from collections.abc import Sequence

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from rookery_kit.bus.atomic_batch import Publication
from rookery_kit.bus.bulk_client import BulkClient, Question
from rookery_kit.bus.refusals import BusUnavailable, refusal
from rookery_kit.errors import RookeryError


async def publish_each(
    client: BulkClient, publications: Sequence[Publication], *, timeout: float
) -> list[bool | RookeryError]:
    """Stores messages in their order and answers, of each, once that is durable: True when its id was stored before.

    Of one that is not stored, why: StreamFull, or BusUnavailable when its outcome is not known; publishing it again is
    safe. Nothing is raised. A few are stored at less cost and sooner than by a batch, which the server has to prepare.
    """
    questions = [Question(each.subject, each.headers(), each.payload) for each in publications]
    try:
        answers = await client.ask_all(questions, timeout)
    except (NatsError, OSError) as error:
        return [_silent(error)] * len(publications)
    return [_silent(TimeoutError()) if answer is None else _outcome(answer) for answer in answers]


def _silent(error: Exception) -> BusUnavailable:
    return BusUnavailable(f"the bus does not answer: {type(error).__name__}")


def _outcome(answer: Msg) -> bool | RookeryError:
    if not answer.data:
        # Nobody listens: there is no such stream, or its server is not ready yet.
        return _silent(NoRespondersError())
    told = json.loads(answer.data)
    if "error" not in told:
        return bool(told.get("duplicate"))
    refused = refusal(told["error"])
    assert isinstance(refused, RookeryError), "the other refusals are of batches"
    return refused
