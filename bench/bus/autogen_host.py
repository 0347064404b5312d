"""AutoGen's host, a process of its own in the environment of the peers: it carries messages between worker runtimes.

The first line of standard input is the address it is to listen on; that line comes back when it takes connections. It
ends with standard input.
"""

import asyncio
import json
import sys

from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntimeHost

_START_SECONDS = 10.0
_POLL_SECONDS = 0.01


async def run() -> None:
    """Serves until standard input ends."""
    address = json.loads(await asyncio.to_thread(sys.stdin.readline))
    host = GrpcWorkerAgentRuntimeHost(address)
    host.start()
    async with asyncio.timeout(_START_SECONDS):
        await _until_listening(*address.rsplit(":", 1))
    print(json.dumps(address), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await host.stop(grace=0)


async def _until_listening(name: str, port: str) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(name, int(port))
        except OSError:
            await asyncio.sleep(_POLL_SECONDS)
        else:
            writer.close()
            return


if __name__ == "__main__":
    asyncio.run(run())
