"""The orchestrator: gives tasks to agents under leases, and carries messages between them."""

from rookery_kit.grpc_loading import prepare_grpc

prepare_grpc()
