"""Exchanging a credential for an access token."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import structlog
from rookery_kit.audit.event import NOBODY
from rookery_kit.clock import Clock

from rookery_auth.credential import API_KEY_PREFIX, ENROLLMENT_PREFIX, REFRESH_PREFIX, CredentialMint
from rookery_auth.model import CredentialInvalid, Grant, Identity, RefreshFamily, RefreshTokenReused, TokenSet
from rookery_auth.permissions import narrowed_to
from rookery_auth.service.entitlements import Entitlement, Entitlements, entitlement
from rookery_auth.service.exchange_limits import ExchangeLimits
from rookery_auth.service.revocations import Revocations
from rookery_auth.service.token_audit import TokenAudit
from rookery_auth.signing import TokenSigner
from rookery_auth.store import ApiKeyStore, EnrollmentStore, RefreshStore

_log = structlog.get_logger(__name__)


class Tokens:
    """Issues access tokens. `key_used` is told the id of each API key that earned one."""

    def __init__(
        self,
        *,
        enrollments: EnrollmentStore,
        refreshes: RefreshStore,
        api_keys: ApiKeyStore,
        entitlements: Entitlements,
        mint: CredentialMint,
        signer: TokenSigner,
        audit: TokenAudit,
        limits: ExchangeLimits,
        clock: Clock,
        revocations: Revocations,
        refresh_lifetime: timedelta,
        key_used: Callable[[str], None],
    ) -> None:
        self._enrollments = enrollments
        self._refreshes = refreshes
        self._api_keys = api_keys
        self._entitlements = entitlements
        self._mint = mint
        self._signer = signer
        self._audit = audit
        self._limits = limits
        self._clock = clock
        self._refresh_lifetime = refresh_lifetime
        self._revocations = revocations
        self._key_used = key_used

    async def enroll(self, secret: str, request_id: str) -> TokenSet:
        """Uses an enrolment token up: a new agent identity, with its first tokens.

        Raises CredentialInvalid, TenantSuspended, RateLimited.
        """
        credential = self._mint.parse(ENROLLMENT_PREFIX, secret)
        token = await self._enrollments.find_enrollment(credential.id)
        named = f"enrollment_tokens/{token.id}"
        self._limits.count(token.tenant, named)
        identity = Identity(f"agent:{uuid4()}", token.tenant, token.roles, token.labels)
        family = RefreshFamily(
            id=str(uuid4()),
            identity=identity,
            generation=1,
            nonce=request_id or str(uuid4()),
            expire_time=self._clock.now() + self._refresh_lifetime,
            revoked=False,
        )
        with self._audit.refusals(token.tenant, NOBODY, named):
            # Asked before it is used up: who is refused here may come again.
            await self._entitlements.of(identity)
            kept = await self._enrollments.redeem(token.id, self._mint.digest(secret), family)
            entitled = await self._entitlements.of(kept.identity)
        return await self._renewable(kept, entitled, named)

    async def refresh(self, secret: str, request_id: str) -> TokenSet:
        """Replaces a refresh token.

        Raises CredentialInvalid, TenantSuspended, RateLimited, or RefreshTokenReused having revoked the family with
        every token that it has earned.
        """
        credential = self._mint.parse(REFRESH_PREFIX, secret)
        generation = generation_of(credential.nonce)
        expire = self._revocations.tokens_expire()
        before = await self._refreshes.find(credential.id)
        identity, named = before.identity, f"refresh_families/{before.id}"
        with self._audit.refusals(identity.tenant, identity.subject, named):
            if before.revoked:
                raise CredentialInvalid
            # Asked before it is replaced: who is refused here may come again with the same one.
            entitled = await self._entitlements.of(identity)
            self._limits.count(identity.tenant, identity.subject)
            try:
                family = await self._refreshes.rotate(credential.id, generation, request_id or str(uuid4()), expire)
            except RefreshTokenReused as error:
                _log.warning("refresh token reused", family=credential.id, generation=generation)
                await self._audit.reused(error.family)
                raise
        return await self._renewable(family, entitled, named)

    async def use_api_key(self, secret: str) -> TokenSet:
        """An access token for the holder of an API key. Raises CredentialInvalid, TenantSuspended, RateLimited."""
        credential = self._mint.parse(API_KEY_PREFIX, secret)
        key, standing = await self._api_keys.find_for_exchange(credential.id)
        rate = key.requests_per_second or None
        with self._audit.refusals(key.tenant, key.subject, f"api_keys/{key.id}"):
            digests = [key.digest] if key.previous_digest is None else [key.digest, key.previous_digest]
            good = any(self._mint.matches(secret, digest) for digest in digests)
            if not good or key.ended(standing.read_time):
                raise CredentialInvalid
            entitled = entitlement(Identity(key.subject, key.tenant, key.roles, {}), standing)
            # What is no good any more must not use up what its owner may do.
            self._limits.count(key.tenant, key.subject, key.id, rate)
        identity = entitled.identity
        grant = Grant(
            subject=identity.subject,
            tenant=identity.tenant,
            roles=identity.roles,
            permissions=narrowed_to(entitled.permissions, key.scopes),
            issue_time=entitled.read_time,
            session_ids=(key.id,),
            rate=rate,
            revoked_until=entitled.revoked_until,
            expire_time=key.expire_time,
        )
        signed = self._signer.sign(grant)
        await self._audit.issued(grant, signed, f"api_keys/{key.id}")
        self._key_used(key.id)
        return TokenSet(signed.text, signed.expire_time, "", None, identity)

    async def _renewable(self, family: RefreshFamily, entitled: Entitlement, credential: str) -> TokenSet:
        identity = entitled.identity
        grant = Grant(
            subject=identity.subject,
            tenant=identity.tenant,
            roles=identity.roles,
            permissions=entitled.permissions,
            issue_time=entitled.read_time,
            labels=identity.labels,
            session_ids=(family.id,),
            revoked_until=entitled.revoked_until,
        )
        signed = self._signer.sign(grant)
        await self._audit.issued(grant, signed, credential)
        nonce = f"{family.generation:x}-{family.nonce}"
        refresh_token = self._mint.mint(REFRESH_PREFIX, family.id, nonce)
        return TokenSet(signed.text, signed.expire_time, refresh_token, family.expire_time, identity)


def generation_of(nonce: str) -> int:
    """The generation in the nonce of a refresh token."""
    return int(nonce.partition("-")[0], base=16)
