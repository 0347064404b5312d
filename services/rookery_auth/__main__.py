"""The composition root of auth."""

from datetime import timedelta

from rookery.auth.v1.enrollment_service_pb2_grpc import add_EnrollmentServiceServicer_to_server
from rookery.auth.v1.token_service_pb2_grpc import add_TokenServiceServicer_to_server
from rookery_kit.foundation import Foundation
from rookery_kit.lifecycle import Service, run_service
from rookery_kit.postgres import load_queries
from rookery_kit.rpc import Registration

from rookery_auth.credential import CredentialMint
from rookery_auth.master_key import read_master_key
from rookery_auth.postgres import PostgresApiKeys, PostgresBootstrap, PostgresEnrollments, PostgresRefreshes
from rookery_auth.rpc import EnrollmentRpc, TokenRpc
from rookery_auth.service.bootstrap import bootstrap
from rookery_auth.service.enrollments import Enrollments
from rookery_auth.service.tokens import Tokens
from rookery_auth.settings import AuthSettings
from rookery_auth.signing import TokenSigner


async def compose(settings: AuthSettings, foundation: Foundation) -> Service:
    """Puts auth together."""
    clock = foundation.clock
    master_key = read_master_key(settings.master_key_file)
    mint = CredentialMint(master_key)
    tables = (foundation.database, load_queries("rookery_auth"))
    enrollment_store = PostgresEnrollments(*tables)
    keys = await bootstrap(PostgresBootstrap(*tables), master_key, mint, clock, settings.bootstrap_credential_file)
    signer = TokenSigner(
        keys,
        master_key,
        issuer=settings.issuer,
        audience=settings.audience,
        lifetime=timedelta(seconds=settings.access_token_seconds),
        clock=clock,
    )
    enrollments = Enrollments(enrollment_store, mint, clock, timedelta(seconds=settings.enrollment_token_seconds))
    tokens = Tokens(
        enrollments=enrollment_store,
        refreshes=PostgresRefreshes(*tables),
        api_keys=PostgresApiKeys(*tables),
        mint=mint,
        signer=signer,
        clock=clock,
        refresh_lifetime=timedelta(days=settings.refresh_token_days),
    )
    return Service(
        registrations=(
            Registration(add_EnrollmentServiceServicer_to_server, EnrollmentRpc(enrollments)),
            Registration(add_TokenServiceServicer_to_server, TokenRpc(tokens)),
        ),
        fetch_keys=signer.public_keys,
    )


def main() -> None:
    """Runs the service."""
    run_service(AuthSettings, compose)


if __name__ == "__main__":
    main()
