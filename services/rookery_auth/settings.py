"""What the auth service must know."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field
from rookery_kit.settings import ServiceSettings


class AuthSettings(ServiceSettings):
    """Settings of auth. The two files are its only secrets outside the database."""

    service: ClassVar[str] = "auth"

    master_key_file: Path
    """32 random bytes in base64, readable by the owner alone. Start refuses a missing, weak or exposed one."""

    bootstrap_credential_file: Path
    """Where the first start writes the administrator's API key, 0600."""

    access_token_seconds: int = Field(default=600, ge=10, le=3600)
    refresh_token_days: int = Field(default=30, ge=1, le=365)
    enrollment_token_seconds: int = Field(default=3600, ge=1, le=30 * 86400)
