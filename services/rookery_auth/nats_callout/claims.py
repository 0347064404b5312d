"""The claims that answer the server's question who a connection is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rookery_kit.clock import Clock
from rookery_kit.identity import Principal
from rookery_kit.nkeys import AccountKey

from rookery_auth.nats_callout.connection_name import ConnectedToken
from rookery_auth.nats_callout.permissions import AgentSubjects

_VERSION = 2
_UNLIMITED = -1
# An agent listens to its inbox; a client library may do so in a few ways at once.
_MOST_SUBSCRIPTIONS = 64


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks to connect: the server's id, the key it gave the connection, and the password that was sent."""

    server_id: str
    user_nkey: str
    password: str

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> "Question":
        """Reads the server's claims. Raises KeyError or TypeError when they are not what they should be."""
        asked = claims["nats"]
        options = asked.get("connect_opts") or {}
        password = options.get("pass") or options.get("auth_token") or ""
        return cls(str(asked["server_id"]["id"]), str(asked["user_nkey"]), str(password))


class Answers:
    """Signs answers with the key of the account that the server trusts for them."""

    def __init__(self, key: AccountKey, account: str, subjects: AgentSubjects, clock: Clock) -> None:
        self._key = key
        self._account = account
        self._subjects = subjects
        self._clock = clock

    def admit(self, question: Question, principal: Principal) -> bytes:
        """Lets the connection in as an agent, until its token expires."""
        permitted = self._subjects.of(principal)
        user = {
            "sub": question.user_nkey,
            "aud": self._account,
            "name": ConnectedToken.of(principal).written(),
            "exp": int(principal.expires_at.timestamp()),
            "nats": {
                "type": "user",
                "version": _VERSION,
                "pub": {"allow": list(permitted.publish)},
                "sub": {"allow": list(permitted.subscribe)},
                "subs": _MOST_SUBSCRIPTIONS,
                "data": _UNLIMITED,
                "payload": _UNLIMITED,
            },
        }
        return self._answer(question, {"jwt": self._key.sign(user, self._now())})

    def refuse(self, question: Question, reason: str) -> bytes:
        """Keeps the connection out; the reason is for the server's log."""
        return self._answer(question, {"error": reason})

    def _answer(self, question: Question, what: Mapping[str, str]) -> bytes:
        claims = {
            "sub": question.user_nkey,
            "aud": question.server_id,
            "nats": {"type": "authorization_response", "version": _VERSION, **what},
        }
        return self._key.sign(claims, self._now()).encode()

    def _now(self) -> int:
        return int(self._clock.now().timestamp())
