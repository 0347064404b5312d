"""The composition root of auth."""

from datetime import timedelta

from rookery.auth.v1.api_key_service_pb2_grpc import add_ApiKeyServiceServicer_to_server
from rookery.auth.v1.enrollment_service_pb2_grpc import add_EnrollmentServiceServicer_to_server
from rookery.auth.v1.key_service_pb2_grpc import add_KeyServiceServicer_to_server
from rookery.auth.v1.token_service_pb2_grpc import add_TokenServiceServicer_to_server
from rookery_kit.access_token import MAX_LIFETIME_SECONDS
from rookery_kit.foundation import Foundation, patiently
from rookery_kit.lifecycle import Service, run_service
from rookery_kit.postgres import load_queries
from rookery_kit.rpc import Registration

from rookery_auth.administration import compose_administration
from rookery_auth.credential import CredentialMint
from rookery_auth.identity_stream import IdentityStream
from rookery_auth.key_ring import KeyRing
from rookery_auth.master_key import master_key_of
from rookery_auth.nats_callout.composition import compose_callout
from rookery_auth.postgres import (
    Announcements,
    PostgresApiKeys,
    PostgresBootstrap,
    PostgresEnrollments,
    PostgresRefreshes,
    PostgresRevocations,
    PostgresSigningKeys,
    PostgresTokenEvents,
    ServiceLock,
)
from rookery_auth.rpc import ApiKeyRpc, EnrollmentRpc, KeyRpc, TokenRpc
from rookery_auth.service.api_keys import ApiKeys
from rookery_auth.service.bootstrap import bootstrap
from rookery_auth.service.delegation import Delegations
from rookery_auth.service.enrollments import Enrollments
from rookery_auth.service.exchange_limits import ExchangeLimits
from rookery_auth.service.identity_beat import IdentityBeat
from rookery_auth.service.key_uses import KeyUses
from rookery_auth.service.revocations import Revocations
from rookery_auth.service.revoke_token import TokenRevocations
from rookery_auth.service.signing_keys import SigningKeys
from rookery_auth.service.token_audit import TokenAudit
from rookery_auth.service.tokens import Tokens
from rookery_auth.settings import AuthSettings
from rookery_auth.signing import TokenSigner
from rookery_auth.token_reader import TokenReader


async def compose(settings: AuthSettings, foundation: Foundation) -> Service:
    """Puts auth together."""
    clock, admission = foundation.clock, foundation.admission
    master_key = master_key_of(settings.master_key_file, settings.master_key)
    mint = CredentialMint(master_key)
    token_lifetime = timedelta(seconds=settings.access_token_seconds)
    tables = (foundation.database, load_queries("rookery_auth"))
    announcements = Announcements(*tables, admission, foundation.relay.wake)
    revocation_store = PostgresRevocations(*tables, announcements)
    enrollment_store = PostgresEnrollments(*tables)
    api_key_store = PostgresApiKeys(*tables, revocation_store)
    refresh_store = PostgresRefreshes(*tables, revocation_store)
    signing_key_store = PostgresSigningKeys(*tables)

    lock = ServiceLock(settings.database_url.get_secret_value())
    foundation.keep.push_async_callback(lock.close)
    await patiently(lock.take, settings.start_timeout_seconds)
    await bootstrap(PostgresBootstrap(*tables), master_key, mint, clock, settings.bootstrap_credential_file)
    ring = KeyRing(signing_key_store, master_key, clock)
    await ring.refresh()
    signer = TokenSigner(ring.signing, issuer=settings.issuer, audience=settings.audience, lifetime=token_lifetime)
    reader = TokenReader(ring, issuer=settings.issuer, audience=settings.audience, clock=clock, admission=admission)

    revocations = Revocations(revocation_store, clock, timedelta(seconds=MAX_LIFETIME_SECONDS))
    limits = ExchangeLimits(foundation.limiter, clock)
    administration = compose_administration(
        foundation,
        tables[1],
        mint=mint,
        announcements=announcements,
        revocations=revocations,
        erasure_settle=timedelta(seconds=settings.tenant_erasure_settle_seconds),
    )
    entitlements = administration.entitlements
    audit = TokenAudit(PostgresTokenEvents(foundation.database, foundation.relay.wake), foundation.audit, clock)
    uses = KeyUses(api_key_store, clock)
    foundation.keep.push_async_callback(uses.flush)
    tokens = Tokens(
        enrollments=enrollment_store,
        refreshes=refresh_store,
        api_keys=api_key_store,
        entitlements=entitlements,
        mint=mint,
        signer=signer,
        audit=audit,
        limits=limits,
        revocations=revocations,
        clock=clock,
        refresh_lifetime=timedelta(days=settings.refresh_token_days),
        key_used=uses.note,
    )
    delegations = Delegations(reader, revocations, limits, signer, audit, settings.max_delegation_depth)
    token_revocations = TokenRevocations(reader, mint, refresh_store, revocations)
    enrollments = Enrollments(
        enrollment_store, entitlements, mint, clock, timedelta(seconds=settings.enrollment_token_seconds)
    )
    api_keys = ApiKeys(api_key_store, entitlements, admission.tenants, mint, clock, revocations)
    signing_keys = SigningKeys(
        signing_key_store,
        master_key,
        clock,
        activation_delay=timedelta(seconds=settings.signing_key_activation_seconds),
        token_lifetime=token_lifetime,
    )
    beat = IdentityBeat(
        IdentityStream(foundation.bus), ring, revocation_store, clock, (revocation_store.replay, administration.replay)
    )
    signing_key_store.on_change(rotated=beat.wake, replaced=beat.beat_now)
    callout = await compose_callout(settings, foundation, ring.public_keys)
    return Service(
        registrations=(
            Registration(add_ApiKeyServiceServicer_to_server, ApiKeyRpc(api_keys)),
            Registration(add_EnrollmentServiceServicer_to_server, EnrollmentRpc(enrollments)),
            Registration(add_KeyServiceServicer_to_server, KeyRpc(signing_keys)),
            Registration(add_TokenServiceServicer_to_server, TokenRpc(tokens, delegations, token_revocations, ring)),
            *administration.registrations,
        ),
        background=(lock.run, ring.run, beat.run, uses.run, *administration.background, *callout),
        fetch_keys=ring.public_keys,
        on_keys_read=ring.on_reading,
    )


def main() -> None:
    """Runs the service."""
    run_service(AuthSettings, compose)


if __name__ == "__main__":
    main()
