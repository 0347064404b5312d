"""The auth service: who is calling, and what they may do."""

from rookery_kit.grpc_loading import prepare_grpc

prepare_grpc()
