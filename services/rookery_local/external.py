"""Servers of the user's own instead of the embedded ones."""

import asyncio
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from rookery_local.errors import CannotStart

_CONNECT_SECONDS = 5.0
_NATS_PORT = 4222


class ExternalPostgres:
    """A Postgres reached by the URL of a role that may create roles. Raises CannotStart for another kind of URL."""

    def __init__(self, admin_url: str) -> None:
        if urlsplit(admin_url).scheme not in {"postgresql", "postgres"}:
            raise CannotStart("--postgres-url must look like postgresql://role:password@host:5432/database")
        self.admin_url = admin_url

    def url(self, role: str, password: str) -> str:
        """The URL of the same database for another role."""
        parts = urlsplit(self.admin_url)
        place = parts.netloc.rpartition("@")[2]
        query = [(name, value) for name, value in parse_qsl(parts.query) if name not in {"user", "password"}]
        login = f"{quote(role, safe='')}:{quote(password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{login}@{place}", query=urlencode(query, safe="/")))


class ExternalNats:
    """A NATS with JetStream, reached by one URL for all. Raises CannotStart for another kind of URL."""

    def __init__(self, url: str) -> None:
        # A cluster may be named by several URLs; the first tells enough.
        parts = urlsplit(url.split(",", maxsplit=1)[0])
        try:
            host, port = parts.hostname, parts.port or _NATS_PORT
        except ValueError:
            host, port = None, 0
        if parts.scheme not in {"nats", "tls"} or not host:
            raise CannotStart("--nats-url must look like nats://user:password@host:4222")
        self._url = url
        self._host = host
        self._port = port

    def url(self, _user: str) -> str:
        """The URL, which is the same for every user."""
        return self._url

    async def require_answer(self) -> None:
        """Raises CannotStart unless something takes connections there."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError) as error:
            reason = getattr(error, "strerror", None) or "no answer"
            raise CannotStart(f"NATS cannot be reached at {self._host}:{self._port}: {reason}") from None
        writer.close()
