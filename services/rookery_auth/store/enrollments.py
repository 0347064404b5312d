"""Enrolment tokens, as use cases see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from rookery_auth.model import EnrollmentToken, RefreshFamily


class EnrollmentStore(Protocol):
    """Enrolment tokens."""

    async def add(self, token: EnrollmentToken) -> EnrollmentToken:
        """Keeps a token; answers the one already kept under its id, if there is one."""
        ...

    async def list(self, tenant: str, before: tuple[datetime, str] | None, limit: int) -> Sequence[EnrollmentToken]:
        """Tokens, newest first, from after the one of a create time and id."""
        ...

    async def revoke(self, tenant: str, token_id: str) -> EnrollmentToken:
        """Ends a token. Raises EnrollmentTokenNotFound."""
        ...

    async def redeem(self, token_id: str, digest: bytes, family: RefreshFamily) -> RefreshFamily:
        """Uses a token up and begins the family; `family.nonce` names the exchange.

        A repetition of the same exchange, until the family has moved on, answers the family that it began.
        Raises CredentialInvalid for a token that is unknown, revoked, expired, or used by another exchange.
        """
        ...

    async def find_enrollment(self, token_id: str) -> EnrollmentToken:
        """The token of an id, used or not. Raises CredentialInvalid."""
        ...
