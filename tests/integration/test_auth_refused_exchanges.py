import grpc
import jwt
import pytest
from harness.auth_service import Auth
from harness.eventually import eventually
from harness.refusal import refusal
from harness.tenants import Tenants, token_for
from rookery.auth.v1 import api_key_service_pb2, audit_pb2, audit_service_pb2, token_service_pb2

DENIED = audit_pb2.AUDIT_OUTCOME_DENIED


async def denied(auth: Auth, filter_: str) -> list[audit_pb2.AuditEvent]:
    """The refusals in the log of the first tenant, once there are some."""
    administrator = await auth.administrator()
    request = audit_service_pb2.ListAuditEventsRequest(filter=f'outcome = "DENIED" AND {filter_}')

    async def found() -> list[audit_pb2.AuditEvent]:
        return list((await auth.audit.ListAuditEvents(request, metadata=administrator)).events)

    return await eventually(found)


def family_of(token: str) -> str:
    """The refresh family through which a token was issued."""
    sessions: list[str] = jwt.decode(token, options={"verify_signature": False})["sid"]
    return sessions[0]


@pytest.mark.capability("A8")
async def test_a_credential_that_was_good_once_and_is_refused_is_in_the_audit_log(auth: Auth) -> None:
    key, used, agent = await auth.api_key(subject="user:jane"), await auth.enrollment(), await auth.enrolled()
    revocation = api_key_service_pb2.RevokeApiKeyRequest(api_key_id=key.api_key.id)
    await auth.api_keys.RevokeApiKey(revocation, metadata=await auth.administrator())
    await auth.issue(enrollment_token=used.secret)
    subject = token_service_pb2.RevokeTokenRequest(subject=agent.subject)
    await auth.tokens.RevokeToken(subject, metadata=await auth.administrator())
    expected = {
        f"api_keys/{key.api_key.id}": ("user:jane", {"api_key": key.secret}),
        f"enrollment_tokens/{used.enrollment_token.id}": ("-", {"enrollment_token": used.secret}),
        f"refresh_families/{family_of(agent.access_token)}": (agent.subject, {"refresh_token": agent.refresh_token}),
    }
    for resource, (actor, credential) in expected.items():
        assert (await refusal(auth.issue(**credential))).reason == "CREDENTIAL_INVALID"
        (event,) = await denied(auth, f'resource = "{resource}"')
        assert (event.action, event.actor, event.reason) == ("token.issued", actor, "CREDENTIAL_INVALID")


@pytest.mark.capability("A8")
async def test_what_a_suspended_tenant_is_refused_is_in_its_own_log(auth: Auth) -> None:
    tenants = Tenants(auth.channel, await auth.administrator())
    secret = (await tenants.create("acme")).administrator_secret
    await tenants.suspend("acme")
    assert (await refusal(auth.issue(api_key=secret))).reason == "TENANT_SUSPENDED"
    await tenants.resume("acme")
    request = audit_service_pb2.ListAuditEventsRequest(filter='reason = "TENANT_SUSPENDED"')

    async def audited() -> bool:
        inside = await token_for(auth.channel, secret)
        events = (await auth.audit.ListAuditEvents(request, metadata=inside)).events
        return [(event.actor, event.outcome) for event in events] == [("user:admin", DENIED)]

    await eventually(audited, retry=(AssertionError, grpc.aio.AioRpcError))


@pytest.mark.capability("A11")
async def test_a_refused_delegation_is_logged_as_the_actors_doing(auth: Auth) -> None:
    owner, meant, thief = await auth.enrolled(), await auth.enrolled(), await auth.enrolled()
    permission = token_service_pb2.TokenExchange(subject_token=owner.access_token, may_act=meant.subject)
    token = (await auth.issue(token_exchange=permission)).access_token
    theft = token_service_pb2.TokenExchange(subject_token=token, actor_token=thief.access_token)
    assert (await refusal(auth.issue(token_exchange=theft))).reason == "DELEGATION_REFUSED"
    (event,) = await denied(auth, 'action = "token.delegated"')
    assert (event.actor, event.resource) == (thief.subject, f"subjects/{owner.subject}")
    assert event.token_id == (await auth.introspect(thief.access_token)).token_id
