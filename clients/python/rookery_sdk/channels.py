"""Channels to the services."""

from collections.abc import Sequence

import grpc

_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_OPTIONS = (
    # A peer that vanished without a word is noticed within 15 s, however long the stream was idle. It is the time-out
    # of pings that ends a connection, a minute unless it is set; that of keepalive alone does not.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # How long one attempt to connect may take: a loaded machine is not always there within the least, 100 ms.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
)


def open_channel(address: str, interceptors: Sequence[grpc.aio.ClientInterceptor] = ()) -> grpc.aio.Channel:
    """A channel that connects on first use and reconnects by itself."""
    return grpc.aio.insecure_channel(address, options=_OPTIONS, interceptors=interceptors)
