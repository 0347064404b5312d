"""Roles, tenants and the audit log, put together."""

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta

from rookery.auth.v1.audit_service_pb2_grpc import add_AuditServiceServicer_to_server
from rookery.auth.v1.policy_service_pb2_grpc import add_PolicyServiceServicer_to_server
from rookery.auth.v1.tenant_service_pb2_grpc import add_TenantServiceServicer_to_server
from rookery_kit.bus import EventConsumer
from rookery_kit.contract import declared_methods
from rookery_kit.foundation import Foundation
from rookery_kit.postgres import Queries, load_queries
from rookery_kit.rpc import Registration
from rookery_kit.tenant_erasure import TenantErasure

from rookery_auth.consumer import ERASURE_DURABLE, ERASURE_REPORTS, AuditIntake, ErasureReports
from rookery_auth.credential import CredentialMint
from rookery_auth.postgres import Announcements, PostgresAudit, PostgresPolicies, PostgresTenants
from rookery_auth.rpc import AuditRpc, PolicyRpc, TenantRpc
from rookery_auth.service.check_permission import CheckPermission
from rookery_auth.service.entitlements import Entitlements
from rookery_auth.service.erasure import TenantErasures
from rookery_auth.service.policies import Policies
from rookery_auth.service.read_audit import ReadAudit
from rookery_auth.service.revocations import Revocations
from rookery_auth.service.tenants import Tenants

AUDIT_TABLES = ("audit_events", "audit_links")


@dataclass(frozen=True, slots=True)
class Administration:
    """What is served, the loops that run beside it, what decides on tokens, and what tells anew how tenants stand."""

    registrations: Sequence[Registration]
    background: Sequence[Callable[[], Coroutine[None, None, None]]]
    entitlements: Entitlements
    replay: Callable[[], Awaitable[None]]


def compose_administration(
    foundation: Foundation,
    queries: Queries,
    *,
    mint: CredentialMint,
    announcements: Announcements,
    revocations: Revocations,
    erasure_settle: timedelta,
) -> Administration:
    """Builds it. `erasure_settle` is how long after a tenant's end what was under way for it may still arrive."""
    database, bus = foundation.database, foundation.bus
    queries = {**queries, **load_queries("rookery_auth.administration")}
    policies = PostgresPolicies(database, queries)
    tenants = PostgresTenants(database, queries, announcements)
    audit = PostgresAudit(database, queries)
    reports = EventConsumer(
        bus,
        database,
        durable=ERASURE_DURABLE,
        filter_subject=ERASURE_REPORTS,
        handle=ErasureReports(tenants).handle,
    )
    erasure = TenantErasure(foundation, "auth", keep=AUDIT_TABLES)
    policy_rpc = PolicyRpc(Policies(policies, revocations), CheckPermission(policies, declared_methods()))
    tenant_rpc = TenantRpc(Tenants(tenants, mint, foundation.clock))
    return Administration(
        registrations=(
            Registration(add_PolicyServiceServicer_to_server, policy_rpc),
            Registration(add_TenantServiceServicer_to_server, tenant_rpc),
            Registration(add_AuditServiceServicer_to_server, AuditRpc(ReadAudit(audit))),
        ),
        background=(
            reports.run,
            erasure.run,
            TenantErasures(tenants, erasure_settle).run,
            AuditIntake(bus, audit).run,
        ),
        entitlements=Entitlements(policies),
        replay=tenants.replay,
    )
