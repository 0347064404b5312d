"""Exchanging a credential for an access token."""

from datetime import timedelta
from uuid import uuid4

import structlog
from rookery_kit.clock import Clock

from rookery_auth.credential import API_KEY_PREFIX, ENROLLMENT_PREFIX, REFRESH_PREFIX, CredentialMint
from rookery_auth.model import CredentialInvalid, Identity, RefreshFamily, RefreshTokenReused, SigningKey, TokenSet
from rookery_auth.roles import permissions_of
from rookery_auth.signing import TokenSigner
from rookery_auth.store import ApiKeyStore, EnrollmentStore, RefreshStore

_log = structlog.get_logger(__name__)


class Tokens:
    """Issues access tokens."""

    def __init__(
        self,
        *,
        enrollments: EnrollmentStore,
        refreshes: RefreshStore,
        api_keys: ApiKeyStore,
        mint: CredentialMint,
        signer: TokenSigner,
        clock: Clock,
        refresh_lifetime: timedelta,
    ) -> None:
        self._enrollments = enrollments
        self._refreshes = refreshes
        self._api_keys = api_keys
        self._mint = mint
        self._signer = signer
        self._clock = clock
        self._refresh_lifetime = refresh_lifetime

    def verification_keys(self) -> tuple[SigningKey, ...]:
        """The keys whose public parts verify every access token in use."""
        return self._signer.keys

    async def enroll(self, secret: str, request_id: str) -> TokenSet:
        """Uses an enrolment token up: a new agent identity, with its first tokens. Raises CredentialInvalid."""
        credential = self._mint.parse(ENROLLMENT_PREFIX, secret)
        token = await self._enrollments.find_enrollment(credential.id)
        identity = Identity(f"agent:{uuid4()}", token.tenant, token.roles, token.labels)
        family = RefreshFamily(
            id=str(uuid4()),
            identity=identity,
            generation=1,
            nonce=request_id or str(uuid4()),
            expire_time=self._clock.now() + self._refresh_lifetime,
            revoked=False,
        )
        return self._renewable(await self._enrollments.redeem(token.id, self._mint.digest(secret), family))

    async def refresh(self, secret: str, request_id: str) -> TokenSet:
        """Replaces a refresh token. Raises CredentialInvalid, or RefreshTokenReused having revoked the family."""
        credential = self._mint.parse(REFRESH_PREFIX, secret)
        generation = int(credential.nonce.partition("-")[0], base=16)
        try:
            family = await self._refreshes.rotate(credential.id, generation, request_id or str(uuid4()))
        except RefreshTokenReused:
            _log.warning("refresh token reused", family=credential.id, generation=generation)
            raise
        return self._renewable(family)

    async def use_api_key(self, secret: str) -> TokenSet:
        """An access token for the holder of an API key. Raises CredentialInvalid."""
        credential = self._mint.parse(API_KEY_PREFIX, secret)
        key = await self._api_keys.find_api_key(credential.id)
        if not self._mint.matches(secret, key.digest):
            raise CredentialInvalid
        identity = Identity(key.subject, key.tenant, key.roles, {})
        access_token, expires = self._signer.sign(identity, permissions_of(identity.roles))
        return TokenSet(access_token, expires, "", None, identity)

    def _renewable(self, family: RefreshFamily) -> TokenSet:
        access_token, expires = self._signer.sign(family.identity, permissions_of(family.identity.roles))
        nonce = f"{family.generation:x}-{family.nonce}"
        refresh_token = self._mint.mint(REFRESH_PREFIX, family.id, nonce)
        return TokenSet(access_token, expires, refresh_token, family.expire_time, family.identity)
