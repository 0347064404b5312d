import grpc
import jwt
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from harness.auth_service import Auth, bearer
from harness.eventually import eventually
from harness.refusal import refusal
from rookery.auth.v1 import (
    audit_pb2,
    audit_service_pb2,
    policy_service_pb2,
    policy_service_pb2_grpc,
    token_pb2,
    token_service_pb2,
)
from rookery_kit.built_in_roles import BUILT_IN_ROLES


async def acting(auth: Auth, subject: str, actor: str, *scopes: str) -> token_pb2.TokenSet:
    exchange = token_service_pb2.TokenExchange(subject_token=subject, actor_token=actor, scopes=scopes)
    return await auth.issue(token_exchange=exchange)


async def permission(auth: Auth, subject: str, may_act: str, *scopes: str) -> str:
    exchange = token_service_pb2.TokenExchange(subject_token=subject, may_act=may_act, scopes=scopes)
    return (await auth.issue(token_exchange=exchange)).access_token


async def revoke(auth: Auth, **target: str) -> None:
    request = token_service_pb2.RevokeTokenRequest(**target)
    await auth.tokens.RevokeToken(request, metadata=await auth.administrator())


async def becomes_inactive(auth: Auth, token: str) -> None:
    async def refused() -> bool:
        return not (await auth.introspect(token)).active

    await eventually(refused, within=2)


@pytest.mark.capability("A11")
async def test_who_acts_for_another_may_do_what_both_may_and_is_named(auth: Auth) -> None:
    developer, observer = await auth.enrolled("developer"), await auth.enrolled("observer", "tester")
    issued = await acting(auth, developer.access_token, observer.access_token, "tasks:*", "enrollments:*")
    claims = jwt.decode(issued.access_token, options={"verify_signature": False})
    assert (claims["sub"], claims["act"]) == (developer.subject, {"sub": observer.subject})
    both = BUILT_IN_ROLES["developer"] & (BUILT_IN_ROLES["observer"] | BUILT_IN_ROLES["tester"])
    assert set(claims["scope"].split()) == {each for each in both if each.startswith("tasks:")}
    assert (claims["roles"], issued.refresh_token) == ([], "")
    assert claims["exp"] <= min(developer.access_expire_time.seconds, observer.access_expire_time.seconds)
    seen = await auth.introspect(issued.access_token)
    assert (seen.active, seen.subject, list(seen.delegates)) == (True, developer.subject, [observer.subject])


@pytest.mark.capability("A11")
async def test_a_chain_is_kept_in_order_and_is_bounded_in_depth(auth: Auth) -> None:
    agents = [await auth.enrolled() for _ in range(6)]
    token = agents[0].access_token
    for agent in agents[1:5]:
        token = (await acting(auth, token, agent.access_token)).access_token
    seen = await auth.introspect(token)
    assert list(seen.delegates) == [agent.subject for agent in agents[4:0:-1]]
    refused = await refusal(acting(auth, token, agents[5].access_token))
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "DELEGATION_REFUSED")
    # Who acts for the actor holds the token, and is the nearest.
    borrowed = await acting(auth, agents[1].access_token, agents[2].access_token)
    nested = await acting(auth, agents[0].access_token, borrowed.access_token)
    delegates = list((await auth.introspect(nested.access_token)).delegates)
    assert delegates == [agents[2].subject, agents[1].subject]


@pytest.mark.capability("A11")
async def test_a_delegation_token_is_for_the_one_it_names_and_opens_nothing_itself(auth: Auth) -> None:
    owner, named, other = await auth.enrolled("developer"), await auth.enrolled(), await auth.enrolled()
    token = await permission(auth, owner.access_token, named.subject, "tasks:read")
    assert jwt.get_unverified_header(token)["typ"] == "delegation+jwt"
    request = token_service_pb2.IntrospectTokenRequest(token=token)
    direct = await refusal(auth.tokens.IntrospectToken(request, metadata=bearer(token)))
    assert (direct.code, direct.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")
    assert (await refusal(acting(auth, token, other.access_token))).reason == "DELEGATION_REFUSED"
    assert (await refusal(permission(auth, token, other.subject))).reason == "DELEGATION_REFUSED"
    assert (await refusal(acting(auth, owner.access_token, token))).reason == "TOKEN_INVALID"
    issued = await acting(auth, token, named.access_token)
    claims = jwt.decode(issued.access_token, options={"verify_signature": False})
    assert (claims["sub"], claims["act"]["sub"], claims["scope"]) == (owner.subject, named.subject, "tasks:read")


@pytest.mark.capability("A11")
async def test_nothing_in_common_is_no_delegation(auth: Auth) -> None:
    observer, agent = await auth.enrolled("observer"), await auth.enrolled()
    refused = await refusal(acting(auth, observer.access_token, agent.access_token, "signing_keys:rotate"))
    assert refused.reason == "DELEGATION_REFUSED"


@pytest.mark.capability("A11")
async def test_a_delegated_token_falls_with_every_token_it_was_made_of(auth: Auth) -> None:
    owner, actor = await auth.enrolled("developer"), await auth.enrolled()
    by_subject_token = (await acting(auth, owner.access_token, actor.access_token)).access_token
    await revoke(auth, token=owner.access_token)
    await becomes_inactive(auth, by_subject_token)

    owner, actor = await auth.enrolled("developer"), await auth.enrolled()
    by_actor = (await acting(auth, owner.access_token, actor.access_token)).access_token
    await revoke(auth, subject=actor.subject)
    await becomes_inactive(auth, by_actor)

    owner, actor = await auth.enrolled("developer"), await auth.enrolled()
    by_family = (await acting(auth, owner.access_token, actor.access_token)).access_token
    await revoke(auth, token=actor.refresh_token)
    await becomes_inactive(auth, by_family)
    assert (await refusal(acting(auth, owner.access_token, actor.access_token))).reason == "TOKEN_REVOKED"


@pytest.mark.capability("A11")
async def test_a_delegated_token_falls_with_a_role_that_only_one_of_the_two_has(auth: Auth) -> None:
    policies = policy_service_pb2_grpc.PolicyServiceStub(auth.channel)
    administrator = await auth.administrator()
    role = policy_service_pb2.CreateRoleRequest(name="clerk", permissions=["tasks:read", "tasks:create"])
    await policies.CreateRole(role, metadata=administrator)
    owner, actor = await auth.enrolled("clerk"), await auth.enrolled()
    token = (await acting(auth, owner.access_token, actor.access_token)).access_token
    assert (await auth.introspect(token)).active
    narrower = policy_service_pb2.UpdateRoleRequest(
        name="clerk", update_mask=FieldMask(paths=["permissions"]), permissions=["tasks:read"]
    )
    await policies.UpdateRole(narrower, metadata=administrator)
    await becomes_inactive(auth, token)
    owner = await auth.issue(refresh_token=owner.refresh_token)
    token = (await acting(auth, owner.access_token, actor.access_token)).access_token
    assert list((await auth.introspect(token)).scopes) == ["tasks:read"]


@pytest.mark.capability("A11")
async def test_the_audit_log_shows_the_chain_and_the_refusals(auth: Auth) -> None:
    owner, actor, other = await auth.enrolled("developer"), await auth.enrolled(), await auth.enrolled()
    token = await permission(auth, owner.access_token, actor.subject)
    await acting(auth, token, actor.access_token)
    await refusal(acting(auth, token, other.access_token))
    administrator = await auth.administrator()

    async def found() -> list[audit_pb2.AuditEvent]:
        events: list[audit_pb2.AuditEvent] = []
        for filter_ in (f'actor = "{owner.subject}"', f'resource = "subjects/{owner.subject}"'):
            request = audit_service_pb2.ListAuditEventsRequest(filter=filter_)
            events += (await auth.audit.ListAuditEvents(request, metadata=administrator)).events
        wanted = [event for event in events if event.action.startswith("token.delegat")]
        return wanted if len(wanted) == 3 else []

    events = await eventually(found)
    by_outcome = {(event.action, event.outcome) for event in events}
    assert by_outcome == {
        ("token.delegation_permitted", audit_pb2.AUDIT_OUTCOME_SUCCEEDED),
        ("token.delegated", audit_pb2.AUDIT_OUTCOME_SUCCEEDED),
        ("token.delegated", audit_pb2.AUDIT_OUTCOME_DENIED),
    }
    chains = [list(event.delegates) for event in events if event.outcome == audit_pb2.AUDIT_OUTCOME_SUCCEEDED]
    assert sorted(chains) == [[], [actor.subject]]
