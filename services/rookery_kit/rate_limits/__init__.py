"""Limits on requests per second that hold over all replicas: decided here in microseconds, reconciled over the bus."""

from rookery_kit.rate_limits.bucket import Headers
from rookery_kit.rate_limits.limiter import OutagePolicy, RateLimiter
from rookery_kit.rate_limits.reconciliation import Reconciliation
from rookery_kit.rate_limits.tenant_rates import TenantRates

__all__ = ["Headers", "OutagePolicy", "RateLimiter", "Reconciliation", "TenantRates"]
