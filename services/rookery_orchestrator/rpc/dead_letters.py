"""DeadLetterService: decode, call, encode."""

from rookery.events.v1 import mail_pb2
from rookery.orchestrator.v1 import dead_letter_pb2, dead_letter_service_pb2, dead_letter_service_pb2_grpc
from rookery_kit.filtering import EVERYTHING, parse_filter
from rookery_kit.postgres.paging import page_size
from rookery_kit.rpc import Call

from rookery_orchestrator.dead_letters.handling import ReadDeadLetters, SettleDeadLetters, Target
from rookery_orchestrator.dead_letters.model import DeadLetter, Place
from rookery_orchestrator.rpc.places import decode_place, encode_place


class DeadLetterRpc(dead_letter_service_pb2_grpc.DeadLetterServiceServicer):
    """Serves rookery.orchestrator.v1.DeadLetterService."""

    def __init__(self, read: ReadDeadLetters, settle: SettleDeadLetters) -> None:
        self._read = read
        self._settle = settle

    async def ListDeadLetters(
        self, request: dead_letter_service_pb2.ListDeadLettersRequest, context: object
    ) -> dead_letter_service_pb2.ListDeadLettersResponse:
        """Dead letters, newest first."""
        call, size = Call.of(context), page_size(request.page_size)
        listing = f"dead letters {request.filter}"
        place = decode_place(listing, request.page_token)
        after = Place(*place) if place else None
        found = await self._read.page(call.principal, parse_filter(request.filter), after, size + 1)
        response = dead_letter_service_pb2.ListDeadLettersResponse(
            dead_letters=[_encode(dead, whole=False) for dead in found[:size]]
        )
        if len(found) > size:
            response.next_page_token = encode_place(listing, found[size - 1].create_time, found[size - 1].id)
        return response

    async def GetDeadLetter(
        self, request: dead_letter_service_pb2.GetDeadLetterRequest, context: object
    ) -> dead_letter_service_pb2.GetDeadLetterResponse:
        """One dead letter with its payload and its attempts."""
        dead = await self._read.find(Call.of(context).principal, request.dead_letter_id)
        return dead_letter_service_pb2.GetDeadLetterResponse(dead_letter=_encode(dead, whole=True))

    async def RequeueDeadLetters(
        self, request: dead_letter_service_pb2.RequeueDeadLettersRequest, context: object
    ) -> dead_letter_service_pb2.RequeueDeadLettersResponse:
        """Sends dead letters into their mailboxes again."""
        requeued = await self._settle.requeue(Call.of(context).principal, _target(request))
        return dead_letter_service_pb2.RequeueDeadLettersResponse(requeued=requeued)

    async def DiscardDeadLetters(
        self, request: dead_letter_service_pb2.DiscardDeadLettersRequest, context: object
    ) -> dead_letter_service_pb2.DiscardDeadLettersResponse:
        """Discards dead letters."""
        discarded = await self._settle.discard(Call.of(context).principal, _target(request))
        return dead_letter_service_pb2.DiscardDeadLettersResponse(discarded=discarded)


def _target(
    request: dead_letter_service_pb2.RequeueDeadLettersRequest | dead_letter_service_pb2.DiscardDeadLettersRequest,
) -> Target:
    return Target(request.dead_letter_id, parse_filter(request.filter) if request.filter else EVERYTHING)


def _encode(dead: DeadLetter, *, whole: bool) -> dead_letter_pb2.DeadLetter:
    letter = mail_pb2.DeadLetter.FromString(dead.letter)
    if not whole:
        letter.message.ClearField("payload")
    encoded = dead_letter_pb2.DeadLetter(
        id=dead.id,
        message=letter.message,
        reason=dead.reason,
        detail=dead.detail,
        deliveries=dead.deliveries,
        agent_version=dead.agent_version,
        handler=dead.handler,
        state=f"DEAD_LETTER_STATE_{dead.state}",
        updated_by=dead.updated_by,
        attempts=letter.attempt_history if whole else (),
    )
    encoded.create_time.FromDatetime(dead.create_time)
    encoded.update_time.FromDatetime(dead.update_time)
    return encoded
