"""Calling another service."""

from typing import cast

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from rookery_kit import errors

KEEPALIVE = (
    # A peer that vanished without a word is noticed within 15 s, however long the connection was idle. It is the
    # time-out of pings that ends a connection, a minute unless it is set; that of keepalive alone does not.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
)
_OPTIONS = (
    *KEEPALIVE,
    ("grpc.initial_reconnect_backoff_ms", 100),
    # How long one attempt to connect may take: a loaded machine is not always there within the least, 100 ms.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
)


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to a service that notices a dead connection and comes back by itself. Connects on first use."""
    return grpc.aio.insecure_channel(address, options=_OPTIONS)


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason in the ErrorInfo of an answer; empty where there is none."""
    status = rpc_status.from_call(cast("grpc.Call", error))
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return str(info.reason)
    return ""


def service_error(service: str, error: grpc.aio.AioRpcError) -> errors.RookeryError:
    """What a failed call to another service means to one's own caller: that the other is not to be had."""
    return errors.Unavailable(f"the {service} service does not answer", service=service, status=error.code().name)
