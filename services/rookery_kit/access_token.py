"""Access tokens: RFC 9068 JWTs, signed with EdDSA, verified locally from published keys."""

import base64
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.types import Options

from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError, Unauthenticated, Unavailable
from rookery_kit.identity import TENANT, Principal
from rookery_kit.identity_feed.admission import Admission

ALGORITHM = "EdDSA"
TOKEN_TYPE = "at+jwt"  # noqa: S105 -- the media type of RFC 9068, section 2.1
REQUIRED_CLAIMS = ("iss", "sub", "aud", "exp", "iat", "jti", "tenant", "roles", "scope")
LEEWAY_SECONDS = 5
MAX_LIFETIME_SECONDS = 3600
MAX_TOKEN_CHARACTERS = 8192
_CACHE_SIZE = 20_000
_KEY_REFRESH_SECONDS = 5.0
_MAX_ACTORS = 16


class TokenInvalid(Unauthenticated):
    """The token is malformed, forged, or not meant for this system."""

    reason = "TOKEN_INVALID"


class TokenExpired(Unauthenticated):
    """The token's time has passed."""

    reason = "TOKEN_EXPIRED"


class TokenMissing(Unauthenticated):
    """No token was sent."""

    reason = "TOKEN_MISSING"


class TokenVerifier:
    """Turns a token into a Principal.

    Remembers what it verified until the token expires, and asks the admission anew at each call, so that a revocation
    holds from the moment it is known.

    `fetch_keys` answers the public keys by key id; it is asked at `refresh()` and, at most every few seconds, when
    a token names a key that is not known yet, so that a rotation needs no restart. `token_type` is what the header
    `typ` must say.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        clock: Clock,
        admission: Admission,
        fetch_keys: Callable[[], Awaitable[Mapping[str, Ed25519PublicKey]]],
        token_type: str = TOKEN_TYPE,
    ) -> None:
        self._token_type = token_type
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._admission = admission
        self._fetch_keys = fetch_keys
        self._keys: Mapping[str, Ed25519PublicKey] = {}
        self._verified: OrderedDict[str, Principal] = OrderedDict()
        self._refreshed_at = float("-inf")
        self._withdrawn: frozenset[str] = frozenset()
        self._told_of_withdrawal: list[Callable[[], None]] = []

    def on_withdrawal(self, callback: Callable[[], None]) -> None:
        """Has `callback` called whenever a key is held no longer, so that what it let in can be ended."""
        self._told_of_withdrawal.append(callback)

    async def refresh(self) -> None:
        """Reads the keys anew. Raises what `fetch_keys` raises."""
        self._refreshed_at = self._clock.monotonic()
        self._replace_keys(await self._fetch_keys())

    async def keep_keys(self, kids: Sequence[str]) -> None:
        """Brings the keys in line with those that auth says are in use; forgets others even when it cannot be asked.

        One that was forgotten comes back only when auth names it again here, whatever `fetch_keys` answers: that may
        be what a replica knows which is a moment behind.
        """
        named = frozenset(kids)
        if named == self._keys.keys():
            return
        self._withdrawn = (self._withdrawn | self._keys.keys()) - named
        self._replace_keys(self._keys)
        if named != self._keys.keys():
            with suppress(Unavailable):
                await self.refresh()

    def _replace_keys(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        held, self._keys = self._keys, {kid: key for kid, key in keys.items() if kid not in self._withdrawn}
        if held.keys() - self._keys.keys():
            # What a key verified that is gone must be verified anew, and will not be.
            self._verified.clear()
            for callback in self._told_of_withdrawal:
                callback()

    def recall(self, token: str) -> Principal | None:
        """The principal of a token that was verified before and is still valid; None means: verify it.

        Raises what the admission raises.
        """
        principal = self._verified.get(token)
        if principal is None or principal.expires_at <= self._clock.now():
            return None
        self._admission.admit(principal)
        return principal

    def admit(self, principal: Principal) -> None:
        """Passes while the token behind a principal is accepted.

        Raises what the admission raises, and TokenInvalid once the key that signed it is held no longer.
        """
        if principal.key_id not in self._keys:
            raise TokenInvalid("the key that signed the token is in use no longer")
        self._admission.admit(principal)

    def admits(self, principal: Principal) -> bool:
        """Whether the token behind a principal is accepted."""
        try:
            self.admit(principal)
        except RookeryError:
            return False
        return True

    async def verify(self, token: str) -> Principal:
        """The principal of a token.

        Raises TokenInvalid or TokenExpired, what the admission raises, and never anything else about the token.
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenInvalid("the token is too long")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, TypeError):
            raise TokenInvalid("the token is not a JWT") from None
        if header.get("alg") != ALGORITHM or header.get("typ") != self._token_type:
            raise TokenInvalid("the token is of another type")
        kid, key = await self._key(header.get("kid"))
        principal = self._principal(self._claims(token, key), kid)
        self._admission.admit(principal)
        self._remember(token, principal)
        return principal

    def _remember(self, token: str, principal: Principal) -> None:
        """Makes room first: the oldest go once they have expired, or when there are too many."""
        now = self._clock.now()
        while self._verified:
            oldest = next(iter(self._verified.values()))
            if oldest.expires_at > now and len(self._verified) < _CACHE_SIZE:
                break
            self._verified.popitem(last=False)
        self._verified[token] = principal

    async def _key(self, kid: object) -> tuple[str, Ed25519PublicKey]:
        if not isinstance(kid, str):
            raise TokenInvalid("the token names no key")
        if kid not in self._keys and self._clock.monotonic() - self._refreshed_at > _KEY_REFRESH_SECONDS:
            await self.refresh()
        try:
            return kid, self._keys[kid]
        except KeyError:
            raise TokenInvalid("the token is signed with an unknown key") from None

    def _claims(self, token: str, key: Ed25519PublicKey) -> dict[str, Any]:
        # PyJWT compares times with the machine's clock; they are compared with ours below.
        options: Options = {
            "require": list(REQUIRED_CLAIMS),
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
        }
        try:
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[ALGORITHM], audience=self._audience, issuer=self._issuer, options=options
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise TokenInvalid(f"the token is refused: {type(error).__name__}") from None
        now = self._clock.now().timestamp()
        times = [claims["exp"], claims["iat"], claims.get("nbf", claims["iat"])]
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in times):
            raise TokenInvalid("the token's times are not numbers")
        if claims["exp"] <= now:
            raise TokenExpired("the token has expired")
        if max(times[1:]) > now + LEEWAY_SECONDS:
            raise TokenInvalid("the token is not valid yet")
        if claims["exp"] > claims["iat"] + MAX_LIFETIME_SECONDS + LEEWAY_SECONDS:
            # Auth issues none such; who got hold of a key might.
            raise TokenInvalid("the token is valid for too long")
        return claims

    def _principal(self, claims: dict[str, Any], kid: str) -> Principal:
        subject, tenant, roles, scope = (claims[name] for name in ("sub", "tenant", "roles", "scope"))
        labels, sessions, rate = claims.get("labels", {}), claims.get("sid", []), claims.get("rate")
        well_formed = (
            all(isinstance(value, str) and value for value in (subject, tenant, claims["jti"]))
            and isinstance(scope, str)
            and TENANT.fullmatch(tenant)
            and isinstance(roles, list)
            and all(isinstance(role, str) for role in roles)
            and isinstance(labels, dict)
            and all(isinstance(label, str) for label in labels.values())
            and isinstance(sessions, list)
            and all(isinstance(session, str) for session in sessions)
            and (rate is None or (isinstance(rate, int) and not isinstance(rate, bool) and rate > 0))
        )
        if not well_formed:
            raise TokenInvalid("the token's claims are malformed")
        return Principal(
            subject=subject,
            tenant=tenant,
            roles=tuple(roles),
            permissions=frozenset(scope.split()),
            token_id=claims["jti"],
            expires_at=_moment(claims["exp"]),
            labels=tuple(sorted(labels.items())),
            issued_at=_moment(claims["iat"]).timestamp(),
            session_ids=tuple(sessions),
            actors=_actors(claims.get("act")),
            key_rate=rate,
            key_id=kid,
        )


def _actors(act: object) -> tuple[str, ...]:
    """The subjects of the nested `act` claims, the outermost first: that one acts now (RFC 8693, section 4.1)."""
    actors: list[str] = []
    while act is not None:
        subject = act.get("sub") if isinstance(act, dict) else None
        if not isinstance(subject, str) or not subject or len(actors) == _MAX_ACTORS:
            raise TokenInvalid("the token's actors are malformed")
        actors.append(subject)
        assert isinstance(act, dict)
        act = act.get("act")
    return tuple(actors)


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise TokenInvalid("the token's times are out of range") from None


def public_key(x: str) -> Ed25519PublicKey:
    """The key of a JWK's `x` member (RFC 8037, section 2). Raises ValueError when it is none."""
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x + "=" * (-len(x) % 4)))
