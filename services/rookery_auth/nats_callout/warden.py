"""Ending connections whose tokens are no longer accepted."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from rookery_kit.clock import Clock
from rookery_kit.identity import Principal
from rookery_kit.identity_feed import Admission

from rookery_auth.nats_callout.connection_name import ConnectedToken

_LOOK_SECONDS = 0.3
_LOOK_ANYWAY_SECONDS = 30.0
_MOST_OF_ONE_AGENT = 32
_AGAIN_SECONDS = 2.0
_ANSWER_SECONDS = 0.5
_KICK_SECONDS = 2.0
_PAGE = 1024
_CONNECTIONS = "$SYS.REQ.SERVER.PING.CONNZ"
_log = structlog.get_logger(__name__)


class ConnectionWarden:
    """Has the servers end connections that are not accepted any more, and the oldest of an agent that has too many.

    Looks through all of them after every revocation, whenever the keys have changed, and now and then.

    Which token opened a connection stands in its name, so that any replica can end any connection, also one that
    was opened before the replica was started.
    """

    def __init__(
        self,
        client: Client,
        account: str,
        admission: Admission,
        fetch_keys: Callable[[], Awaitable[Mapping[str, Ed25519PublicKey]]],
        clock: Clock,
    ) -> None:
        self._client = client
        self._account = account
        self._admission = admission
        self._fetch_keys = fetch_keys
        self._clock = clock

    async def run(self) -> None:
        """Looks until cancelled."""
        seen: tuple[int, int, frozenset[str]] | None = None
        look_at = self._clock.monotonic()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            kids = frozenset(await self._fetch_keys())
            changes = (self._admission.revocations.changes, self._admission.tenants.changes, kids)
            if changes == seen and self._clock.monotonic() < look_at:
                continue
            try:
                await self._look()
                # One that was being opened meanwhile is found by a second look.
                await asyncio.sleep(_AGAIN_SECONDS)
                await self._look()
                seen, look_at = changes, self._clock.monotonic() + _LOOK_ANYWAY_SECONDS
            except (NatsError, TimeoutError, ValueError, KeyError) as error:
                _log.warning("connections not looked through", error=type(error).__name__)

    async def _look(self) -> None:
        kids = await self._fetch_keys()
        accepted: dict[tuple[str, str], list[tuple[str, str, int]]] = defaultdict(list)
        async for server_id, connection in self._connections():
            token = ConnectedToken.read(connection.get("authorized_user", ""))
            if token is None:
                continue
            if token.key_id not in kids or self._refused(token):
                await self._end(server_id, connection["cid"])
                _log.info("connection ended", subject=token.sub, tenant=token.tenant)
            else:
                accepted[token.tenant, token.sub].append((connection["start"], server_id, connection["cid"]))
        for (tenant, subject), held in accepted.items():
            for _, server_id, cid in sorted(held, reverse=True)[_MOST_OF_ONE_AGENT:]:
                await self._end(server_id, cid)
                _log.warning("one connection too many ended", subject=subject, tenant=tenant)

    async def _end(self, server_id: str, cid: int) -> None:
        kick = json.dumps({"cid": cid}).encode()
        # The server does nothing where nobody waits for its answer.
        await self._client.request(f"$SYS.REQ.SERVER.{server_id}.KICK", kick, timeout=_KICK_SECONDS)

    def _refused(self, token: ConnectedToken) -> bool:
        principal = Principal(
            subject=token.sub,
            tenant=token.tenant,
            roles=token.roles,
            permissions=frozenset(),
            token_id=token.jti,
            expires_at=datetime.max.replace(tzinfo=UTC),
            session_ids=token.sessions,
            actors=token.actors,
            issued_at=token.iat,
        )
        revoked = self._admission.revocations.revokes(principal)
        return revoked or self._admission.tenants.suspended(token.tenant)

    async def _connections(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Every connection of the agents' account, with the id of its server."""
        offset, more = 0, True
        while more:
            more = False
            for answer in await self._ask({"auth": True, "acc": self._account, "limit": _PAGE, "offset": offset}):
                found = answer["data"].get("connections") or []
                more |= len(found) == _PAGE
                for connection in found:
                    yield answer["server"]["id"], connection
            offset += _PAGE

    async def _ask(self, question: dict[str, Any]) -> list[dict[str, Any]]:
        """What the servers answer; in a cluster there are several, and nobody says how many."""
        inbox = self._client.new_inbox()
        answers: list[dict[str, Any]] = []

        async def take(message: Msg) -> None:
            answers.append(json.loads(message.data))

        subscription = await self._client.subscribe(inbox, cb=take)
        try:
            await self._client.publish(_CONNECTIONS, json.dumps(question).encode(), inbox)
            await asyncio.sleep(_ANSWER_SECONDS)
        finally:
            await subscription.unsubscribe()
        return answers
