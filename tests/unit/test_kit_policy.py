import pytest
from grpc_health.v1 import health_pb2
from rookery.auth.v1 import token_service_pb2
from rookery.registry.v1 import agent_service_pb2
from rookery_kit.rpc.policy import PolicyMissing, method_policies


@pytest.mark.capability("A5")
def test_the_policy_of_a_method_is_what_its_proto_says() -> None:
    register = method_policies("rookery.registry.v1.AgentService")["RegisterAgent"]
    assert register.name == "rookery.registry.v1.AgentService/RegisterAgent"
    assert (register.permission, register.idempotent) == ("agents:register", True)
    assert register.request_class is agent_service_pb2.RegisterAgentRequest
    assert register.response_class is agent_service_pb2.RegisterAgentResponse


def test_a_public_method_needs_no_permission() -> None:
    keys = method_policies("rookery.auth.v1.TokenService")["GetJwks"]
    assert (keys.permission, keys.idempotent) == (None, False)
    assert keys.request_class is token_service_pb2.GetJwksRequest


def test_a_method_that_states_no_policy_is_refused_by_name() -> None:
    service = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    with pytest.raises(PolicyMissing, match="Health/Check needs either a permission or to be public"):
        method_policies(service)
