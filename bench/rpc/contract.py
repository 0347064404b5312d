"""The echo service of the benchmarks, compiled when it is needed: nothing generated is kept."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from buf.validate import validate_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc
from rookery.options.v1 import method_pb2

SERVICE = "rookery_bench.v1.EchoService"
PERMISSION = "bench:echo"
_ROOT = Path(__file__).resolve().parent.parent / "proto"
_PROTO = "rookery_bench/v1/echo_service.proto"


@cache
def message_class(name: str) -> Any:  # noqa: ANN401 -- made at run time
    """The class of a message of the contract, such as `EchoRequest`."""
    pool = _pool()
    made: type[Message] = GetMessageClass(pool.FindMessageTypeByName(f"rookery_bench.v1.{name}"))
    return made


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    """The default pool, where the pipeline looks for a method's policy, with the contract added."""
    pool = descriptor_pool.Default()
    for file in _compile().file:
        if file.name == _PROTO:
            pool.Add(file)
    return pool


def _compile() -> descriptor_pb2.FileDescriptorSet:
    """Compiles against the descriptors of installed packages, so that no other proto file is needed."""
    with tempfile.TemporaryDirectory() as folder:
        known, compiled = Path(folder) / "known.binpb", Path(folder) / "compiled.binpb"
        known.write_bytes(_closure(validate_pb2.DESCRIPTOR, method_pb2.DESCRIPTOR).SerializeToString())
        arguments = [f"--descriptor_set_in={known}", f"--proto_path={_ROOT}", f"--descriptor_set_out={compiled}"]
        if protoc.main(["protoc", *arguments, _PROTO]) != 0:
            raise RuntimeError(f"{_PROTO} does not compile; protoc's message is above")
        return descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes())


def _closure(*files: FileDescriptor) -> descriptor_pb2.FileDescriptorSet:
    """The files with all that they import, imports first."""
    ordered: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def add(file: FileDescriptor) -> None:
        for dependency in file.dependencies:
            add(dependency)
        if file.name not in ordered:
            proto = descriptor_pb2.FileDescriptorProto()
            file.CopyToProto(proto)
            ordered[file.name] = proto

    for file in files:
        add(file)
    return descriptor_pb2.FileDescriptorSet(file=ordered.values())
