from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import grpc
import pytest
from harness.auth_service import Auth, running_auth
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from harness.refusal import refusal
from rookery.auth.v1 import audit_pb2, audit_service_pb2
from rookery.events.v1 import audit_record_pb2
from rookery_auth.settings import AuthSettings
from rookery_kit.audit import AuditEvent, AuditOutcome
from rookery_kit.bus import Bus
from rookery_kit.bus.subjects import event_subject


def told(resource: str, **fields: object) -> AuditEvent:
    """An event as any service tells it."""
    made = {
        "tenant": "default",
        "actor": "agent:a",
        "action": "rookery.registry.v1.AgentService/RegisterAgent",
        "outcome": AuditOutcome.SUCCEEDED,
        "event_time": datetime.now(UTC),
        "service": "registry",
        **fields,
    }
    return AuditEvent(resource=resource, **made)  # type: ignore[arg-type]


async def publish(bus: Bus, *events: AuditEvent) -> None:
    for event in events:
        outgoing = event.outgoing()
        await bus.publish(outgoing.subject, outgoing.payload, message_id=str(uuid4()))


async def logged(auth: Auth, **fields: object) -> Sequence[audit_pb2.AuditEvent]:
    request = audit_service_pb2.ListAuditEventsRequest(**fields)  # type: ignore[arg-type]
    return (await auth.audit.ListAuditEvents(request, metadata=await auth.administrator())).events


@pytest.mark.capability("A8")
async def test_what_services_tell_is_logged_once_each_and_what_is_no_event_is_passed_over(auth: Auth, bus: Bus) -> None:
    event = told("agents/1", details={"name": "worker"}, delegates=("agent:b",))
    await bus.publish(event_subject("default", "audit", "x"), b"\xff\xff", message_id="broken")
    for wrong in (told("agents/x", id="no-uuid"), told("agents/x", actor="a\0b"), told("agents/x", tenant="Not A")):
        await bus.publish(event_subject("default", "audit", wrong.id), wrong.outgoing().payload, message_id=wrong.id)
    unknown = audit_record_pb2.AuditRecord.FromString(told("agents/x").outgoing().payload)
    unknown.event.ClearField("outcome")
    subject = event_subject("default", "audit", unknown.event.id)
    await bus.publish(subject, unknown.SerializeToString(), message_id=unknown.event.id)
    await publish(bus, event, event, told("agents/2"))

    async def both() -> Sequence[audit_pb2.AuditEvent]:
        events = await logged(auth, filter='resource = "agents/*"', oldest_first=True)
        assert [each.resource for each in events] == ["agents/1", "agents/2"]
        return events

    first = (await eventually(both))[0]
    assert (first.actor, list(first.delegates), dict(first.details)) == ("agent:a", ["agent:b"], {"name": "worker"})
    assert first.event_time.ToDatetime(UTC) == event.event_time
    assert first.link.sequence > 0


@pytest.mark.capability("A8")
async def test_events_that_were_told_while_auth_was_down_are_logged_when_it_is_back(
    auth_settings: AuthSettings, nats_server: RestartableNats, bus: Bus
) -> None:
    async with running_auth(auth_settings):
        pass
    await publish(bus, told("agents/1"))
    await nats_server.kill()
    await nats_server.restart()
    async with running_auth(auth_settings) as auth:

        async def there() -> bool:
            return len(await logged(auth, filter='resource = "agents/1"')) == 1

        await eventually(there)


@pytest.mark.capability("A8")
async def test_the_log_is_paged_in_its_order(auth: Auth, bus: Bus) -> None:
    await publish(bus, *(told(f"agents/{number}") for number in range(5)))
    text = 'resource = "agents/*"'

    async def five() -> bool:
        return len(await logged(auth, filter=text)) == 5

    await eventually(five)
    metadata = await auth.administrator()
    seen, token = list[int](), ""
    while not seen or token:
        request = audit_service_pb2.ListAuditEventsRequest(filter=text, page_size=2, page_token=token)
        page = await auth.audit.ListAuditEvents(request, metadata=metadata)
        seen, token = [*seen, *(each.link.sequence for each in page.events)], page.next_page_token
        assert len(page.events) <= 2
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 5
    first = audit_service_pb2.ListAuditEventsRequest(filter=text, page_size=2)
    other = audit_service_pb2.ListAuditEventsRequest(
        page_size=2, page_token=(await auth.audit.ListAuditEvents(first, metadata=metadata)).next_page_token
    )
    refused = await refusal(auth.audit.ListAuditEvents(other, metadata=metadata))
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
    observer = await auth.enrolled("observer")
    denied = await refusal(
        auth.audit.ListAuditEvents(first, metadata=(("authorization", f"Bearer {observer.access_token}"),))
    )
    assert denied.reason == "PERMISSION_MISSING"
