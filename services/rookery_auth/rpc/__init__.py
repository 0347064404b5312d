"""The edge of auth: decode, call, encode."""

from rookery_auth.rpc.api_keys import ApiKeyRpc
from rookery_auth.rpc.audit import AuditRpc
from rookery_auth.rpc.enrollments import EnrollmentRpc
from rookery_auth.rpc.policies import PolicyRpc
from rookery_auth.rpc.signing_keys import KeyRpc
from rookery_auth.rpc.tenants import TenantRpc
from rookery_auth.rpc.tokens import TokenRpc

__all__ = ["ApiKeyRpc", "AuditRpc", "EnrollmentRpc", "KeyRpc", "PolicyRpc", "TenantRpc", "TokenRpc"]
