"""What a token permits on NATS."""

from dataclasses import dataclass

from google.protobuf.descriptor import FileDescriptor
from rookery.orchestrator.v1 import message_service_pb2, task_service_pb2, topic_service_pb2
from rookery.registry.v1 import agent_service_pb2
from rookery_kit.identity import Principal
from rookery_kit.nats_rpc.subjects import call_subject, inbox_prefix, stream_id, stream_subject
from rookery_kit.rpc.policy import MethodPolicy, method_policies

_CALLED_OVER_NATS = (agent_service_pb2, message_service_pb2, task_service_pb2, topic_service_pb2)


@dataclass(frozen=True, slots=True)
class SubjectPermissions:
    """The subjects on which a connection may publish, and to which it may listen."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


class AgentSubjects:
    """Knows the methods that are called over NATS and the permission that each demands."""

    def __init__(self) -> None:
        services = [name for module in _CALLED_OVER_NATS for name in _services(module.DESCRIPTOR)]
        self._methods: list[tuple[str, str, MethodPolicy]] = [
            (service, name, policy) for service in services for name, policy in method_policies(service).items()
        ]

    def of(self, principal: Principal) -> SubjectPermissions:
        """The subjects of an agent's token: the methods that it permits, the streams opened with it, and its inbox."""
        agent_id = principal.identifier
        calls = [
            call_subject(principal.tenant, agent_id, service, name)
            for service, name, policy in self._methods
            if policy.permission is not None and principal.permits(policy.permission)
        ]
        streams = stream_subject(principal.tenant, agent_id, stream_id(principal.token_id, "*"))
        return SubjectPermissions((*calls, streams), (inbox_prefix(agent_id, principal.token_id) + ">",))


def _services(descriptor: FileDescriptor) -> list[str]:
    return [service.full_name for service in descriptor.services_by_name.values()]
