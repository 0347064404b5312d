"""The methods of a service, called over NATS by agents: what passes through gRPC passes through here as well."""

from rookery_kit.nats_rpc.server import NatsRpcServer

__all__ = ["NatsRpcServer"]
