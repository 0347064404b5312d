"""The edge of auth: decode, call, encode."""

from rookery_auth.rpc.enrollments import EnrollmentRpc
from rookery_auth.rpc.tokens import TokenRpc

__all__ = ["EnrollmentRpc", "TokenRpc"]
