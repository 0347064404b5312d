"""gRPC: the server, what every call passes through, and channels to other services."""

from rookery_kit.rpc.call import Call
from rookery_kit.rpc.channel import open_channel, service_error
from rookery_kit.rpc.server import Registration, RpcServer

__all__ = ["Call", "Registration", "RpcServer", "open_channel", "service_error"]
