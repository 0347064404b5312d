"""The baseline, a process of its own: the echo on grpc.aio with nothing around it.

Prints its port as JSON, then serves until standard input ends.
"""

import asyncio
import json
import sys

import grpc
import uvloop

from bench.rpc.echo import Echo, add_echo


async def serve() -> None:
    """Serves until standard input ends."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    add_echo(Echo(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"port": port}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve())
