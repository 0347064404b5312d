"""The tool-executor: calls the tools of registered MCP servers and keeps the record of every call."""

import os

from rookery_kit.grpc_loading import prepare_grpc

# This service starts child processes. gRPC would hold its threads still around every fork, and write a line about it,
# in case the child uses gRPC; the children here execute something else at once. gRPC reads this when it is loaded.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
prepare_grpc()
