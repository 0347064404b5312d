"""Acting for another (RFC 8693)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from rookery_kit.identity import Principal

from rookery_auth.model import DelegationRefused, Grant, Identity, SignedToken, TokenSet
from rookery_auth.permissions import intersection, narrowed_to
from rookery_auth.service.exchange_limits import ExchangeLimits
from rookery_auth.service.revocations import Revocations, role_session
from rookery_auth.service.token_audit import TokenAudit
from rookery_auth.signing import TokenSigner
from rookery_auth.token_reader import TokenReader


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is asked for; either `actor_token` or `may_act` is given."""

    subject_token: str
    actor_token: str
    may_act: str
    scopes: tuple[str, ...]


class Delegations:
    """Issues tokens with which one subject acts for another, and tokens that permit that. They only ever narrow.

    A token falls with everything that it was made of: the sessions, ids and roles of both tokens are its sessions. Both
    are looked up among the revocations first, so that one not yet heard of here is not outrun; it bears the time at
    which that began.
    """

    def __init__(
        self,
        reader: TokenReader,
        revocations: Revocations,
        limits: ExchangeLimits,
        signer: TokenSigner,
        audit: TokenAudit,
        max_depth: int,
    ) -> None:
        self._reader = reader
        self._limits = limits
        self._revocations = revocations
        self._signer = signer
        self._audit = audit
        self._max_depth = max_depth

    async def exchange(self, command: Exchange) -> TokenSet:
        """Raises TokenInvalid, TokenExpired, TokenRevoked, RateLimited, and DelegationRefused, which is audited."""
        subject, may_act = await self._reader.subject(command.subject_token)
        actor = subject if command.may_act else await self._reader.access(command.actor_token)
        self._limits.count_call(actor)
        good_at = await self._revocations.require_good(subject)
        if command.may_act:
            if may_act:
                raise self._refused(subject, actor, "a delegation token cannot be passed on")
            return await self._issued(subject, self._permission(subject, command, good_at))
        await self._revocations.require_good(actor)
        if may_act and may_act != actor.subject:
            raise self._refused(subject, actor, f"the delegation token names {may_act}, not {actor.subject}")
        return await self._issued(subject, self._acting(subject, actor, command.scopes, good_at))

    def _permission(self, subject: Principal, command: Exchange, good_at: datetime) -> Grant:
        permissions = narrowed_to(subject.permissions, command.scopes)
        if not permissions:
            raise self._refused(subject, subject, "nothing is left that the token would permit")
        return Grant(
            subject=subject.subject,
            tenant=subject.tenant,
            roles=subject.roles,
            permissions=permissions,
            labels=dict(subject.labels),
            session_ids=_sessions(subject),
            rate=subject.key_rate,
            actors=subject.actors,
            may_act=command.may_act,
            issue_time=max(good_at, _issued_at(subject)),
            expire_time=subject.expires_at,
        )

    def _acting(self, subject: Principal, actor: Principal, scopes: tuple[str, ...], good_at: datetime) -> Grant:
        if actor.tenant != subject.tenant:
            raise self._refused(subject, actor, "the actor is of another tenant")
        # Who acts for the actor is the nearest: it is that one which holds the token.
        actors = (*actor.actors, actor.subject, *subject.actors)
        if len(actors) > self._max_depth:
            raise self._refused(subject, actor, f"more than {self._max_depth} would act for one another")
        permissions = narrowed_to(intersection(subject.permissions, actor.permissions), scopes)
        if not permissions:
            raise self._refused(subject, actor, "nothing is left that both may do")
        # The first session is the one that the rate counts for: the tightest of the two, else the actor's.
        first, second = (subject, actor) if _rate(subject) < _rate(actor) else (actor, subject)
        return Grant(
            subject=subject.subject,
            tenant=subject.tenant,
            roles=tuple(role for role in subject.roles if role in actor.roles),
            permissions=permissions,
            labels=dict(subject.labels),
            session_ids=tuple(dict.fromkeys((*_sessions(first), *_sessions(second)))),
            rate=first.key_rate,
            actors=actors,
            issue_time=max(good_at, _issued_at(subject), _issued_at(actor)),
            expire_time=min(subject.expires_at, actor.expires_at),
        )

    async def _issued(self, subject: Principal, grant: Grant) -> TokenSet:
        signed = self._signer.sign(grant)
        await self._audit.delegated(grant, signed)
        return _token_set(signed, Identity(grant.subject, grant.tenant, grant.roles, dict(subject.labels)))

    def _refused(self, subject: Principal, actor: Principal, why: str) -> DelegationRefused:
        self._audit.delegation_refused(subject, actor, why)
        return DelegationRefused(f"the delegation is refused: {why}")


def _token_set(signed: SignedToken, identity: Identity) -> TokenSet:
    return TokenSet(signed.text, signed.expire_time, "", None, identity)


def _sessions(principal: Principal) -> tuple[str, ...]:
    return (*principal.session_ids, principal.token_id, *map(role_session, principal.roles))


def _issued_at(principal: Principal) -> datetime:
    return datetime.fromtimestamp(principal.issued_at, UTC)


def _rate(principal: Principal) -> float:
    return principal.key_rate or float("inf")
