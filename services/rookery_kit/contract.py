"""What the contract says of every method of the suite, read from the generated code."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import rookery
from google.protobuf.descriptor import FileDescriptor
from rookery.options.v1 import method_pb2

# protoc types an extension as its descriptor, which is not what protobuf's own stubs index by.
_EXTENSION: Any = method_pb2.policy
_SERVICES = "_service_pb2"


@dataclass(frozen=True, slots=True)
class DeclaredMethod:
    """A method and what it demands. `permission` is empty where it is public.

    `installation` reserves it to callers of the first tenant.
    """

    service: str
    name: str
    permission: str
    installation: bool

    @property
    def full_name(self) -> str:
        """Such as `rookery.registry.v1.AgentService/ListAgents`."""
        return f"{self.service}/{self.name}"


@cache
def declared_methods() -> tuple[DeclaredMethod, ...]:
    """Every method of every service, by service and in the order of the proto."""
    return tuple(
        DeclaredMethod(service.full_name, method.name, policy.permission, policy.installation)
        for file in _files()
        for service in file.services_by_name.values()
        for method in service.methods
        for policy in (method.GetOptions().Extensions[_EXTENSION],)
    )


def holds(permissions: frozenset[str], permission: str) -> str:
    """The one among `permissions` that permits `permission`, the narrowest where several do; empty: none does."""
    resource, _, action = permission.partition(":")
    grants = (permission, f"{resource}:*", f"*:{action}", "*:*")
    return next((grant for grant in grants if grant in permissions), "")


def _files() -> Iterator[FileDescriptor]:
    names = (module.name for module in pkgutil.walk_packages(rookery.__path__, "rookery."))
    for name in sorted(name for name in names if name.endswith(_SERVICES)):
        file: FileDescriptor = importlib.import_module(name).DESCRIPTOR
        yield file
