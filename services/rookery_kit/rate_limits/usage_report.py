"""What replicas tell each other, as it travels."""

from collections.abc import Iterator, Sequence

from google.protobuf.message import DecodeError
from rookery.events.v1 import rate_usage_pb2

from rookery_kit.rate_limits.bucket import Scope
from rookery_kit.rate_limits.limiter import Usage

_SCOPES: dict[Scope, rate_usage_pb2.RateScope] = {
    "principal": rate_usage_pb2.RATE_SCOPE_PRINCIPAL,
    "key": rate_usage_pb2.RATE_SCOPE_KEY,
    "tenant": rate_usage_pb2.RATE_SCOPE_TENANT,
}
_SCOPE_NAMES = {scope: name for name, scope in _SCOPES.items()}


def encode(replica: str, usage: Sequence[Usage]) -> bytes:
    """One message."""
    return rate_usage_pb2.RateUsage(
        replica=replica,
        admitted=[
            rate_usage_pb2.AdmittedRequests(
                scope=_SCOPES[scope], tenant=tenant, id=name, requests=requests, requests_per_second=rate
            )
            for (scope, tenant, name), requests, rate in usage
        ],
    ).SerializeToString()


def decode(data: bytes) -> tuple[str, Iterator[Usage]]:
    """Who sent it, and what it says that this version understands. Raises ValueError when it is no report."""
    try:
        report = rate_usage_pb2.RateUsage.FromString(data)
    except DecodeError:
        raise ValueError("not a report of admitted requests") from None
    return report.replica, (
        ((_SCOPE_NAMES[each.scope], each.tenant, each.id), each.requests, each.requests_per_second)
        for each in report.admitted
        if each.scope in _SCOPE_NAMES and each.requests > 0 and each.requests_per_second > 0
    )
