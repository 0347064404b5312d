"""What auth tells of tenants, as it goes over the wire."""

from rookery.auth.v1 import tenant_pb2
from rookery.events.v1 import identity_pb2, tenant_event_pb2
from rookery_kit.bus import OutgoingEvent
from rookery_kit.bus.subjects import event_subject, standing_subject
from rookery_kit.clock import new_id

from rookery_auth.model import Tenant

TENANT_DELETION = "tenant_deletion"


def standing_event(tenant: Tenant) -> OutgoingEvent:
    """How a tenant stands, for the stream IDENTITY. Each has an id of its own, so that none counts as a repetition."""
    quotas = tenant.quotas
    message = identity_pb2.TenantStanding(
        tenant=tenant.id,
        state=f"TENANT_STATE_{tenant.life.value}",
        quotas=tenant_pb2.Quotas(
            requests_per_second=quotas.requests_per_second,
            max_agents=quotas.max_agents,
            max_api_keys=quotas.max_api_keys,
            max_mailbox_messages=quotas.max_mailbox_messages,
            max_mailbox_bytes=quotas.max_mailbox_bytes,
        ),
        revision=tenant.revision,
    )
    return OutgoingEvent(standing_subject(tenant.id), message.SerializeToString(), f"standing-{tenant.id}-{new_id()}")


def deletion_event(tenant: Tenant) -> OutgoingEvent:
    """Tells every service to erase a tenant, in the round that is under way."""
    message = tenant_event_pb2.TenantDeletion(tenant=tenant.id, round=tenant.erasure_round)
    subject = event_subject(tenant.id, TENANT_DELETION, tenant.id)
    return OutgoingEvent(subject, message.SerializeToString(), new_id())
