"""What the auth service must know."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr
from rookery_kit.access_token import MAX_LIFETIME_SECONDS
from rookery_kit.settings import ServiceSettings


class AuthSettings(ServiceSettings):
    """Settings of auth. The master key and the credential files are its only secrets outside the database."""

    service: ClassVar[str] = "auth"
    urgent_events: ClassVar[str] = "identity"

    master_key_file: Path | None = None
    """32 random bytes in base64, readable by the owner alone. Start refuses a missing, weak or exposed one."""

    master_key: SecretStr | None = None
    """The master key itself, instead of the file, for platforms that keep secrets in the environment."""

    bootstrap_credential_file: Path
    """Where the first start writes the administrator's API key, 0600."""

    nats_callout_url: SecretStr | None = None
    """NATS with the user and the account to which the server brings its questions who a connection is (auth callout).
    Unset: agents cannot connect to NATS."""

    nats_callout_seed_file: Path | None = None
    """The seed of the account key with which those questions are answered, readable by the owner alone."""

    nats_system_url: SecretStr | None = None
    """NATS with a user of the system account, for ending connections of revoked tokens. Unset: they end when the
    token expires."""

    nats_agent_account: str = "ROOKERY"
    """The NATS account that agents enter."""

    access_token_seconds: int = Field(default=600, ge=10, le=MAX_LIFETIME_SECONDS)
    refresh_token_days: int = Field(default=30, ge=1, le=365)
    enrollment_token_seconds: int = Field(default=3600, ge=1, le=30 * 86400)
    signing_key_activation_seconds: int = Field(default=10, ge=5, le=3600)
    """How long a new signing key is published before it signs: longer than services need to learn of it."""

    tenant_erasure_settle_seconds: float = Field(default=30.0, ge=0, le=3600)
    """How long after a tenant's end what was under way for it may still arrive: longer than any call may take."""

    max_delegation_depth: int = Field(default=4, ge=1, le=16)
    """How many may act for one another in one token."""
