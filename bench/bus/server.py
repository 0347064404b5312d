"""What is measured, a process of its own: a replica of the orchestrator, with agents that no registry was asked for.

The first line of standard input names the parts it stands on and the secret with which all replicas make their tokens;
the answer is its port and the token of a sender. Each further line names how many agents there are to be; the answer is
their ids and tokens. It ends with standard input.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import replace

import jwt
import rookery_orchestrator  # noqa: F401 -- before gRPC is loaded, of which the package says how
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import SecretStr
from rookery_kit.access_token import ALGORITHM, TOKEN_TYPE
from rookery_kit.clock import new_id
from rookery_kit.foundation import Foundation
from rookery_kit.lifecycle import Service, leave_to_rest, serve
from rookery_kit.postgres import load_queries
from rookery_orchestrator.__main__ import compose
from rookery_orchestrator.directory import KnownAgent
from rookery_orchestrator.postgres import PostgresAgentProjection
from rookery_orchestrator.settings import OrchestratorSettings

_KEY_ID = "bench"
_TOKEN_SECONDS = 3600


class Bench:
    """The service, and those who may call it."""

    def __init__(self, settings: OrchestratorSettings, secret: bytes) -> None:
        self.settings = settings
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self._agents: list[dict[str, str]] = []
        self._projection: PostgresAgentProjection | None = None

    async def compose(self, settings: OrchestratorSettings, foundation: Foundation) -> Service:
        """The orchestrator as it is, but for the keys."""
        self._projection = PostgresAgentProjection(foundation.database, load_queries("rookery_orchestrator"))
        return replace(await compose(settings, foundation), fetch_keys=self._fetch_keys)

    async def agents(self, count: int) -> list[dict[str, str]]:
        """So many agents, with their tokens."""
        assert self._projection is not None
        while len(self._agents) < count:
            agent_id = new_id()
            await self._projection.learn(
                KnownAgent(agent_id, "default", agent_id, (), online=True, session_epoch=1, revision=1)
            )
            self._agents.append({"id": agent_id, "token": self.token(f"agent:{agent_id}")})
        return self._agents[:count]

    def token(self, subject: str) -> str:
        """An access token."""
        now = int(time.time())
        claims = {
            "iss": self.settings.issuer,
            "sub": subject,
            "aud": self.settings.audience,
            "iat": now,
            "exp": now + _TOKEN_SECONDS,
            "jti": new_id(),
            "tenant": "default",
            "roles": ["agent"],
            "scope": "messages:send messages:receive",
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": _KEY_ID, "typ": TOKEN_TYPE})

    async def _fetch_keys(self) -> Mapping[str, Ed25519PublicKey]:
        return {_KEY_ID: self._key.public_key()}


async def run() -> None:
    """Serves until standard input ends."""
    parts = json.loads(await asyncio.to_thread(sys.stdin.readline))
    bench = Bench(
        OrchestratorSettings(
            listen="127.0.0.1:0",
            metrics_listen="127.0.0.1:0",
            database_url=SecretStr(parts["database"]),
            nats_url=SecretStr(parts["nats"]),
            auth_address="127.0.0.1:1",
            registry_address="127.0.0.1:1",
            log_level="warning",
        ),
        bytes.fromhex(parts["secret"]),
    )
    stopping, port = asyncio.Event(), asyncio.get_running_loop().create_future()

    def on_serving(number: int) -> None:
        leave_to_rest(number)
        port.set_result(number)

    service = asyncio.create_task(serve(bench.settings, bench.compose, stopping, on_serving))
    await asyncio.wait([service, port], return_when=asyncio.FIRST_COMPLETED)
    if not port.done():
        await service
    print(json.dumps({"port": str(port.result()), "sender": bench.token(f"agent:{new_id()}")}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await bench.agents(json.loads(line)["agents"])), flush=True)
    stopping.set()
    await service


if __name__ == "__main__":
    uvloop.run(run())
