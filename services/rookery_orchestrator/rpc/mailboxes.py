"""The methods of MessageService that look at mailboxes and at the audit trail: decode, call, encode."""

from rookery.orchestrator.v1 import mailbox_pb2, message_pb2, message_service_pb2
from rookery_kit.postgres.paging import page_size
from rookery_kit.rpc import Call
from rookery_kit.rpc.times import moment_in

from rookery_orchestrator.mailbox.model import MessageState, Priority
from rookery_orchestrator.mailbox.tending import MailboxView, TendMailbox
from rookery_orchestrator.rpc.encoding import decode_priority, encode_priority
from rookery_orchestrator.rpc.places import decode_place, encode_place
from rookery_orchestrator.trail.listing import ListMessages
from rookery_orchestrator.trail.model import MessageRecord, RecordPlace, TrailQuery

_STATE = "MESSAGE_STATE_"


class Mailboxes:
    """Answers for MessageRpc."""

    def __init__(self, tend: TendMailbox, list_messages: ListMessages) -> None:
        self._tend = tend
        self._list_messages = list_messages

    async def list_messages(
        self, request: message_service_pb2.ListMessagesRequest, call: Call
    ) -> message_service_pb2.ListMessagesResponse:
        """Messages of the audit trail, newest first."""
        size = page_size(request.page_size)
        whole = message_service_pb2.ListMessagesRequest()
        whole.CopyFrom(request)
        whole.page_token, whole.page_size = "", 0
        listing = f"messages {whole.SerializeToString(deterministic=True).hex()}"
        place = decode_place(listing, request.page_token)
        state = None if not request.state else MessageState(_state_name(request.state))
        query = TrailQuery(
            limit=size + 1,
            after=RecordPlace(*place) if place else None,
            agent_id=request.agent_id,
            correlation_id=request.correlation_id,
            type=request.type,
            since=moment_in(request, "since"),
            until=moment_in(request, "until"),
            state=state,
        )
        found = await self._list_messages(call.principal, query)
        response = message_service_pb2.ListMessagesResponse(messages=map(_encode_record, found[:size]))
        if len(found) > size:
            response.next_page_token = encode_place(listing, found[size - 1].create_time, found[size - 1].id)
        return response

    async def get_mailbox(
        self, request: message_service_pb2.GetMailboxRequest, call: Call
    ) -> message_service_pb2.GetMailboxResponse:
        """How a mailbox stands."""
        view = await self._tend.look(call.principal, request.agent_id, call.forward)
        return message_service_pb2.GetMailboxResponse(mailbox=_encode_mailbox(view))

    async def purge_mailbox(
        self, request: message_service_pb2.PurgeMailboxRequest, call: Call
    ) -> message_service_pb2.PurgeMailboxResponse:
        """Removes messages from a mailbox."""
        priority = decode_priority(request.priority) if request.priority else None
        before = moment_in(request, "before")
        agent_id, purged = await self._tend.purge(call.principal, request.agent_id, priority, before, call.forward)
        return message_service_pb2.PurgeMailboxResponse(purged=purged, agent_id=agent_id)


def _encode_mailbox(view: MailboxView) -> mailbox_pb2.Mailbox:
    standing = view.standing
    encoded = mailbox_pb2.Mailbox(
        agent_id=view.agent_id,
        depths=[
            mailbox_pb2.MailboxDepth(priority=encode_priority(priority), messages=standing.depths[priority])
            for priority in Priority
        ],
        in_flight=standing.in_flight,
        redelivered=standing.redelivered,
        dead_letters=view.dead_letters,
        receiving=view.receiving is not None,
        session_epoch=view.receiving or 0,
    )
    if standing.oldest is not None:
        encoded.oldest_message_time.FromDatetime(standing.oldest)
    return encoded


def _encode_record(record: MessageRecord) -> mailbox_pb2.MessageRecord:
    encoded = mailbox_pb2.MessageRecord(
        message=message_pb2.Message.FromString(record.envelope),
        state=_STATE + record.state,
        delivery=record.delivery,
    )
    if record.end_time is not None:
        encoded.end_time.FromDatetime(record.end_time)
    return encoded


def _state_name(state: "mailbox_pb2.MessageState | int") -> str:
    return mailbox_pb2.MessageState.Name(state).removeprefix(_STATE)
