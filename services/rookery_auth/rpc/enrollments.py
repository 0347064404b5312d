"""EnrollmentService."""

from rookery.auth.v1 import enrollment_pb2, enrollment_service_pb2, enrollment_service_pb2_grpc
from rookery_kit.rpc import Call
from rookery_kit.rpc.times import length_in

from rookery_auth.model import EnrollmentToken
from rookery_auth.service.enrollments import CreateEnrollmentToken, Enrollments


class EnrollmentRpc(enrollment_service_pb2_grpc.EnrollmentServiceServicer):
    """Serves EnrollmentService."""

    def __init__(self, enrollments: Enrollments) -> None:
        self._enrollments = enrollments

    async def CreateEnrollmentToken(
        self, request: enrollment_service_pb2.CreateEnrollmentTokenRequest, context: object
    ) -> enrollment_service_pb2.CreateEnrollmentTokenResponse:
        """Creates an enrolment token."""
        command = CreateEnrollmentToken(
            request_id=request.request_id,
            roles=tuple(request.roles),
            labels=dict(request.labels),
            ttl=length_in(request, "ttl"),
        )
        token, secret = await self._enrollments.create(Call.of(context).principal, command)
        return enrollment_service_pb2.CreateEnrollmentTokenResponse(enrollment_token=_encode(token), secret=secret)

    async def ListEnrollmentTokens(
        self, request: enrollment_service_pb2.ListEnrollmentTokensRequest, context: object
    ) -> enrollment_service_pb2.ListEnrollmentTokensResponse:
        """Lists enrolment tokens."""
        tenant = Call.of(context).principal.tenant
        tokens, more = await self._enrollments.list(tenant, request.page_size, request.page_token)
        return enrollment_service_pb2.ListEnrollmentTokensResponse(
            enrollment_tokens=[_encode(token) for token in tokens], next_page_token=more
        )

    async def RevokeEnrollmentToken(
        self, request: enrollment_service_pb2.RevokeEnrollmentTokenRequest, context: object
    ) -> enrollment_service_pb2.RevokeEnrollmentTokenResponse:
        """Ends an enrolment token."""
        token = await self._enrollments.revoke(Call.of(context).principal.tenant, request.enrollment_token_id)
        return enrollment_service_pb2.RevokeEnrollmentTokenResponse(enrollment_token=_encode(token))


def _encode(token: EnrollmentToken) -> enrollment_pb2.EnrollmentToken:
    return enrollment_pb2.EnrollmentToken(
        id=token.id,
        roles=token.roles,
        labels=token.labels,
        create_time=token.create_time,
        expire_time=token.expire_time,
        creator=token.creator,
        use_time=token.use_time,
        revoke_time=token.revoke_time,
    )
