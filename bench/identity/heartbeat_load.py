"""A process that is many agents at once: it issues their tokens, registers them, and beats for all of them.

Prints the address at which it answers GetJwks, as auth would. Then, a line of JSON each way:
{"register": count, "port": p} registers so many more; {"open": count, "port": p, "every": s} opens a stream for each of
the first `count` agents and beats over it every `s` seconds until {"close": true}. Every answer tells what was counted.
"""

import asyncio
import base64
import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

import grpc
import jwt
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rookery.auth.v1 import token_pb2, token_service_pb2
from rookery.registry.v1 import agent_health_pb2, agent_service_pb2, agent_service_pb2_grpc
from rookery_kit.access_token import ALGORITHM, TOKEN_TYPE
from rookery_kit.clock import new_id

from bench.identity.bare_heartbeats import SERVICE

_KEY_ID = "bench"
_CHANNELS = 8
_REGISTERING = 64
_OPENING = 256
_RETRY_SECONDS = 1.0
_TOKEN_SECONDS = 3600
_LEASE_SECONDS = 30
_ENDED = (grpc.aio.AioRpcError, asyncio.InvalidStateError)
_Metadata = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Counted:
    """What has happened so far."""

    registered: int = 0
    open: int = 0
    beats: int = 0
    ended: int = 0


class Fleet:
    """The agents."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._sessions: list[tuple[_Metadata, int]] = []
        self._channels: dict[int, list[grpc.aio.Channel]] = {}
        self._beating: list[asyncio.Task[None]] = []
        self._opening = asyncio.Semaphore(_OPENING)
        self.counted = Counted()

    async def serve_keys(self) -> int:
        """Answers GetJwks and gives the port."""
        x = base64.urlsafe_b64encode(self._key.public_key().public_bytes_raw()).decode().rstrip("=")
        key = token_pb2.JsonWebKey(kid=_KEY_ID, kty="OKP", crv="Ed25519", alg=ALGORITHM, use="sig", x=x)

        async def get_jwks(_request: bytes, _context: object) -> bytes:
            return token_service_pb2.GetJwksResponse(keys=[key]).SerializeToString()

        methods: dict[str, Any] = {"GetJwks": grpc.unary_unary_rpc_method_handler(get_jwks)}
        # The registry keeps its connection to auth alive with pings.
        self._server = grpc.aio.server(options=(("grpc.http2.max_ping_strikes", 0),))
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("rookery.auth.v1.TokenService", methods),)
        )
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        return port

    async def register(self, count: int, port: int) -> None:
        """Registers so many more agents."""
        gate = asyncio.Semaphore(_REGISTERING)

        async def one(number: int) -> None:
            async with gate:
                metadata = self._metadata()
                request = agent_service_pb2.RegisterAgentRequest(name=f"agent-{number}", capabilities=["work"])
                request.lease_duration.FromSeconds(_LEASE_SECONDS)
                stub = agent_service_pb2_grpc.AgentServiceStub(self._channel(port, number))
                agent = (await stub.RegisterAgent(request, metadata=metadata)).agent
                self._sessions.append((metadata, agent.session_epoch))

        begun = len(self._sessions)
        await asyncio.gather(*(one(begun + number) for number in range(count)))
        self.counted.registered = len(self._sessions)

    async def open(self, count: int, port: int, every: float) -> None:
        """Opens the streams of the first agents and returns when the first beat of each is stored."""
        opening = [asyncio.Event() for _ in range(count)]
        for number, opened in enumerate(opening):
            self._beating.append(asyncio.create_task(self._beat(number, port, every, opened)))
        for opened in opening:
            await opened.wait()

    async def close(self) -> None:
        """Ends every stream."""
        for beating in self._beating:
            beating.cancel()
        await asyncio.gather(*self._beating, return_exceptions=True)
        self._beating.clear()
        self.counted = Counted(registered=len(self._sessions))

    async def _beat(self, number: int, port: int, every: float, opened: asyncio.Event) -> None:
        metadata, epoch = self._sessions[number]
        method = self._channel(port, number).stream_stream(
            f"/{SERVICE}/Heartbeat",
            request_serializer=agent_service_pb2.HeartbeatRequest.SerializeToString,
            response_deserializer=agent_service_pb2.HeartbeatResponse.FromString,
        )
        # Spread over one interval from the start, as agents are that were not all started at once.
        await asyncio.sleep(random.uniform(0, every))
        while True:
            async with self._opening:
                call = method(metadata=metadata)
                try:
                    await call.write(_request(epoch))
                    await call.read()
                except _ENDED:
                    # A server refuses more new calls at once than it can take, and an agent tries again.
                    await asyncio.sleep(random.uniform(0, _RETRY_SECONDS))
                    continue
            break
        opened.set()
        self.counted.open += 1
        due = time.monotonic()
        try:
            while True:
                due += every
                await asyncio.sleep(due - time.monotonic())
                await call.write(_request(epoch))
                self.counted.beats += 1
        except _ENDED:
            self.counted.ended += 1
            print(f"a stream ended: {await call.code()} {await call.details()}", file=sys.stderr)
        finally:
            call.cancel()

    def _channel(self, port: int, number: int) -> grpc.aio.Channel:
        if port not in self._channels:
            options = (("grpc.use_local_subchannel_pool", 1),)
            self._channels[port] = [
                grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) for _ in range(_CHANNELS)
            ]
        return self._channels[port][number % _CHANNELS]

    def _metadata(self) -> _Metadata:
        now = int(time.time())
        payload = {
            "iss": "https://auth.rookery.local",
            "sub": f"agent:{uuid4()}",
            "aud": "rookery",
            "iat": now,
            "exp": now + _TOKEN_SECONDS,
            "jti": new_id(),
            "tenant": "default",
            "roles": [],
            "scope": "agents:register",
            "labels": {},
        }
        headers = {"kid": _KEY_ID, "typ": TOKEN_TYPE}
        return (("authorization", f"Bearer {jwt.encode(payload, self._key, algorithm=ALGORITHM, headers=headers)}"),)


def _request(epoch: int) -> agent_service_pb2.HeartbeatRequest:
    """What the SDK sends; no two reports are alike."""
    return agent_service_pb2.HeartbeatRequest(
        session_epoch=epoch,
        metrics=agent_health_pb2.HealthMetrics(
            requests_handled=random.randrange(1_000_000),
            mean_response_ms=12.5,
            error_rate=0.01,
            cpu_fraction=0.2,
            memory_bytes=80_000_000,
            in_flight=random.randrange(8),
            capacity=8,
        ),
    )


async def serve() -> None:
    """Does what it is told until standard input ends."""
    fleet = Fleet()
    print(json.dumps({"port": await fleet.serve_keys()}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        if "register" in order:
            await fleet.register(order["register"], order["port"])
        elif "open" in order:
            await fleet.open(order["open"], order["port"], order["every"])
        elif "close" in order:
            await fleet.close()
        print(json.dumps(asdict(fleet.counted)), flush=True)
    await fleet.close()


if __name__ == "__main__":
    uvloop.run(serve())
