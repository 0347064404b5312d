"""What auth puts on the stream IDENTITY, as it goes over the wire."""

from rookery.events.v1 import identity_pb2
from rookery_kit.bus import OutgoingEvent
from rookery_kit.bus.subjects import revocation_subject
from rookery_kit.clock import new_id
from rookery_kit.identity_feed import RevocationKind

from rookery_auth.model import Revocation

_KINDS = {
    RevocationKind.TOKEN: identity_pb2.REVOCATION_KIND_TOKEN,
    RevocationKind.SESSION: identity_pb2.REVOCATION_KIND_SESSION,
    RevocationKind.SUBJECT: identity_pb2.REVOCATION_KIND_SUBJECT,
    RevocationKind.ROLE: identity_pb2.REVOCATION_KIND_ROLE,
}


def revocation_event(revocation: Revocation) -> OutgoingEvent:
    """The announcement of a revocation. Each has an id of its own, so that none counts as a repetition."""
    message = identity_pb2.Revocation(
        id=revocation.id,
        tenant=revocation.tenant,
        kind=_KINDS[revocation.kind],
        target=revocation.target,
        revoke_time=revocation.revoke_time,
        expire_time=revocation.expire_time,
    )
    subject = revocation_subject(revocation.tenant, revocation.id)
    return OutgoingEvent(subject, message.SerializeToString(), f"revocation-{revocation.id}-{new_id()}")
