"""The auth callout, put together."""

import stat
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nats.aio.client import Client
from nats.errors import Error as NatsError
from rookery_kit.access_token import TokenVerifier
from rookery_kit.bus import BusUnavailable
from rookery_kit.errors import CannotStart
from rookery_kit.foundation import Foundation, patiently
from rookery_kit.nkeys import AccountKey

from rookery_auth.nats_callout.claims import Answers
from rookery_auth.nats_callout.permissions import AgentSubjects
from rookery_auth.nats_callout.responder import CalloutResponder
from rookery_auth.nats_callout.warden import ConnectionWarden
from rookery_auth.settings import AuthSettings

_CONNECT_SECONDS = 2
Loop = Callable[[], Coroutine[Any, Any, None]]


async def compose_callout(
    settings: AuthSettings,
    foundation: Foundation,
    fetch_keys: Callable[[], Awaitable[Mapping[str, Ed25519PublicKey]]],
) -> tuple[Loop, ...]:
    """The loops that answer and look after connections; none where it is not configured.

    Raises CannotStart when the seed cannot be used, BusUnavailable when NATS does not come.
    """
    if settings.nats_callout_url is None:
        return ()
    if settings.nats_callout_seed_file is None:
        raise CannotStart("nats_callout_url needs nats_callout_seed_file")
    key = _read_seed(settings.nats_callout_seed_file)
    verifier = TokenVerifier(
        issuer=settings.issuer,
        audience=settings.audience,
        clock=foundation.clock,
        admission=foundation.admission,
        fetch_keys=fetch_keys,
    )
    answers = Answers(key, settings.nats_agent_account, AgentSubjects(), foundation.clock)
    client = await _connected(settings.nats_callout_url.get_secret_value(), settings, foundation.keep)
    loops: tuple[Loop, ...] = (CalloutResponder(client, verifier, answers, foundation.clock).run,)
    if settings.nats_system_url is not None:
        system = await _connected(settings.nats_system_url.get_secret_value(), settings, foundation.keep)
        warden = ConnectionWarden(
            system, settings.nats_agent_account, foundation.admission, fetch_keys, foundation.clock
        )
        loops += (warden.run,)
    return loops


def _read_seed(path: Path) -> AccountKey:
    try:
        mode = path.stat().st_mode
        seed = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise CannotStart(f"the seed file {path} cannot be read") from None
    if mode & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH):
        raise CannotStart(f"the seed file {path} is open to others: chmod 600 it")
    try:
        return AccountKey.from_seed(seed)
    except ValueError:
        raise CannotStart(f"the seed file {path} holds no seed of a NATS account") from None


async def _connected(url: str, settings: AuthSettings, keep: AsyncExitStack) -> Client:
    """A connection of its own, which comes back by itself. Raises BusUnavailable."""

    async def attempt() -> Client:
        client = Client()
        try:
            await client.connect(
                url,
                name="rookery-auth-callout",
                connect_timeout=_CONNECT_SECONDS,
                max_reconnect_attempts=-1,
                allow_reconnect=True,
                error_cb=_passed_over,
            )
        except (NatsError, OSError, TimeoutError) as error:
            await client.close()
            raise BusUnavailable(f"NATS does not let auth in: {type(error).__name__}") from error
        keep.push_async_callback(client.close)
        return client

    return await patiently(attempt, settings.start_timeout_seconds)


async def _passed_over(_error: Exception) -> None:
    """The connection to the bus itself tells of outages; twice is not needed."""
