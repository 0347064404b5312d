"""What each method demands of its caller, read from the method options in the protos."""

from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from rookery.options.v1 import method_pb2

# protoc types an extension as its descriptor, which is not what protobuf's own stubs index by.
_EXTENSION: Any = method_pb2.policy


class PolicyMissing(Exception):
    """A method states neither a permission nor that it is public."""


@dataclass(frozen=True)
class MethodPolicy:
    """The policy of one method. `permission` is None where the method is public.

    `installation` reserves it to the first tenant; `audit` is the template of the resource it acts upon, if audited.
    """

    name: str
    permission: str | None
    idempotent: bool
    installation: bool
    audit: str
    request_class: type[Message]
    response_class: type[Message]


def method_policies(service: str) -> dict[str, MethodPolicy]:
    """The policies of a service's methods by method name. Raises PolicyMissing."""
    descriptor = descriptor_pool.Default().FindServiceByName(service)
    policies: dict[str, MethodPolicy] = {}
    for method in descriptor.methods:
        declared = method.GetOptions().Extensions[_EXTENSION]
        if bool(declared.permission) == declared.public:
            raise PolicyMissing(f"{service}/{method.name} needs either a permission or to be public")
        policies[method.name] = MethodPolicy(
            name=f"{service}/{method.name}",
            permission=declared.permission or None,
            idempotent=declared.idempotent_by_request_id,
            installation=declared.installation,
            audit=declared.audit,
            request_class=GetMessageClass(method.input_type),
            response_class=GetMessageClass(method.output_type),
        )
    return policies
