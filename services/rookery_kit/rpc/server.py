"""The gRPC server of a service, with health and reflection."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from rookery_kit.rpc.channel import KEEPALIVE
from rookery_kit.rpc.pipeline import Pipeline
from rookery_kit.rpc.policy import method_policies

# Above the limit of the service itself, so that a message somewhat too large gets an answer with its reason.
_METADATA_BYTES = 64 * 1024
_TRANSPORT_FACTOR = 4


class PortInUse(Exception):
    """The address to listen on is taken."""


@dataclass(frozen=True)
class Registration:
    """A servicer and the generated function that adds it to a server."""

    add: Callable[[Any, Any], None]
    servicer: object


class _Collector:
    """Stands for a server while a servicer is added, to get at the handlers before gRPC does."""

    def __init__(self) -> None:
        self.methods: dict[str, dict[str, Any]] = {}

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """Not needed: the same handlers arrive by name."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Takes the handlers of one service."""
        self.methods[service] = handlers


def handlers_of(registration: Registration) -> dict[str, dict[str, Any]]:
    """The handlers of a registration, by the full name of the service and by that of the method."""
    collector = _Collector()
    registration.add(registration.servicer, collector)
    return collector.methods


class RpcServer:
    """Serves registrations behind a pipeline. Health answers NOT_SERVING until told otherwise."""

    def __init__(self, pipeline: Pipeline, *, listen: str, max_message_bytes: int) -> None:
        self._pipeline = pipeline
        self._listen = listen
        self._server = grpc.aio.server(
            options=(
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", max_message_bytes * _TRANSPORT_FACTOR),
                ("grpc.max_send_message_length", max_message_bytes * _TRANSPORT_FACTOR),
                # Room for the longest token and more, so that it is the pipeline that refuses one that is too long.
                ("grpc.max_metadata_size", _METADATA_BYTES),
                ("grpc.absolute_max_metadata_size", _METADATA_BYTES),
                *KEEPALIVE,
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 4_000),
                ("grpc.http2.max_ping_strikes", 0),
            )
        )
        self._health = health.aio.HealthServicer()
        self._names: list[str] = []

    async def start(self, registrations: Iterable[Registration]) -> int:
        """Begins to listen and answers the port. Raises PortInUse, or PolicyMissing for a method without policy."""
        for registration in registrations:
            for service, handlers in handlers_of(registration).items():
                policies = method_policies(service)
                wrapped = {name: self._pipeline.wrap(policies[name], handler) for name, handler in handlers.items()}
                self._server.add_registered_method_handlers(service, wrapped)
                self._names.append(service)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)
        await self.set_serving(serving=False)
        try:
            port = self._server.add_insecure_port(self._listen)
        except RuntimeError:
            raise PortInUse(f"cannot listen on {self._listen}: is the port in use?") from None
        await self._server.start()
        return port

    async def set_serving(self, *, serving: bool) -> None:
        """Tells health checks, for the server as a whole and for each service."""
        for name in ("", *self._names):
            await self.set_health(name, serving=serving)

    async def set_health(self, name: str, *, serving: bool) -> None:
        """Tells health checks, for whatever goes by a name."""
        status = health_pb2.HealthCheckResponse
        await self._health.set(name, status.SERVING if serving else status.NOT_SERVING)

    async def stop(self, grace: float) -> None:
        """Refuses new calls, ends streams with SHUTTING_DOWN, gives unary calls `grace` seconds."""
        await self._health.enter_graceful_shutdown()
        self._pipeline.drain()
        await self._server.stop(grace)
