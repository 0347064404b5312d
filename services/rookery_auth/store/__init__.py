"""What auth keeps. Every method is atomic and durable when it returns."""

from rookery_auth.store.api_keys import ApiKeyStore
from rookery_auth.store.bootstrap import BootstrapStore
from rookery_auth.store.enrollments import EnrollmentStore
from rookery_auth.store.refreshes import RefreshStore

__all__ = ["ApiKeyStore", "BootstrapStore", "EnrollmentStore", "RefreshStore"]
