"""Every RPC says who may call it, and what it does."""

import importlib
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from harness.repository import ROOT
from rookery.options.v1 import method_pb2

PROTO = ROOT / "proto"
PERMISSION = re.compile(r"[a-z_]+:[a-z_]+")


def policy_of(method: MethodDescriptor) -> method_pb2.MethodPolicy:
    # protoc types an extension as its descriptor, which is not what protobuf's own stubs index by.
    extension: Any = method_pb2.policy
    policy: method_pb2.MethodPolicy = method.GetOptions().Extensions[extension]
    return policy


def methods() -> Iterator[MethodDescriptor]:
    for path in sorted(PROTO.rglob("*_service.proto")):
        name = str(path.relative_to(PROTO)).removesuffix(".proto").replace("/", ".")
        descriptor: FileDescriptor = importlib.import_module(f"{name}_pb2").DESCRIPTOR
        for service in descriptor.services_by_name.values():
            yield from service.methods


def test_every_rpc_is_public_or_names_its_permission() -> None:
    found = list(methods())
    assert found
    for method in found:
        policy = policy_of(method)
        assert policy.public != bool(policy.permission), f"{method.full_name}: either public or a permission, not both"
        assert policy.public or PERMISSION.fullmatch(policy.permission), method.full_name


def test_only_what_earns_or_verifies_a_token_is_public() -> None:
    public = {method.full_name for method in methods() if policy_of(method).public}
    assert public == {"rookery.auth.v1.TokenService.IssueToken", "rookery.auth.v1.TokenService.GetJwks"}


def test_every_method_that_honours_a_request_id_takes_one() -> None:
    for method in methods():
        if policy_of(method).idempotent_by_request_id:
            assert "request_id" in method.input_type.fields_by_name, method.full_name


def test_every_rpc_is_described() -> None:
    for path in sorted(PROTO.rglob("*_service.proto")):
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        for before, line in pairwise(lines):
            assert not line.startswith("rpc ") or before.startswith("//"), f"{path.name}: {line}"
