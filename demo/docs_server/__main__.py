"""Serves the tools on a free port of 127.0.0.1 until SIGTERM. Prints the endpoint as its only line of output."""

import socket
import sys

import uvicorn

from demo.docs_server.tools import create_server


def main() -> int:
    """Runs the server. Answers the exit code of the process."""
    application = create_server().streamable_http_app(stateless_http=True, json_response=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp\n")
        sys.stdout.flush()
        config = uvicorn.Config(application, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
