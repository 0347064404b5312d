"""The baseline, a process of its own: a grpc.aio server that reads beats, answers each stream once, and does no more.

Prints its port as JSON, then serves until standard input ends.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop
from rookery.registry.v1 import agent_service_pb2

SERVICE = "rookery.registry.v1.AgentService"


async def heartbeat(
    beats: AsyncIterator[agent_service_pb2.HeartbeatRequest], _context: object
) -> AsyncIterator[agent_service_pb2.HeartbeatResponse]:
    """One answer, to the first beat."""
    first = True
    async for _ in beats:
        if first:
            yield agent_service_pb2.HeartbeatResponse()
            first = False


async def serve() -> None:
    """Serves until standard input ends."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    methods: dict[str, Any] = {
        "Heartbeat": grpc.stream_stream_rpc_method_handler(
            heartbeat,
            agent_service_pb2.HeartbeatRequest.FromString,
            agent_service_pb2.HeartbeatResponse.SerializeToString,
        )
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"port": port}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve())
