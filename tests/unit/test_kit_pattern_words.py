import re

import pytest
from harness.repository import ROOT
from protovalidate import Validator
from rookery.registry.v1 import agent_service_pb2
from rookery_kit.errors import InvalidArgument
from rookery_kit.rpc.pattern_words import PATTERN_WORDS
from rookery_kit.rpc.validation import RequestReader

_PATTERN = re.compile(r'\bpattern(?::| =) "((?:[^"\\]|\\.)*)"')


def test_a_capability_that_is_none_is_refused_in_words_and_by_its_path() -> None:
    read = RequestReader(agent_service_pb2.RegisterAgentRequest, max_bytes=1000, validator=Validator())
    request = agent_service_pb2.RegisterAgentRequest(name="scribe", capabilities=["ok", "Not OK"])
    said = "must start with a lower-case letter, followed by at most 62 lower-case letters, digits, '.', '_' or '-'"
    with pytest.raises(InvalidArgument) as caught:
        read(request.SerializeToString())
    assert str(caught.value) == f"capabilities[1]: {said}"
    assert caught.value.violations == (("capabilities[1]", said),)


def test_every_pattern_in_the_protos_has_words_and_no_other() -> None:
    protos = [path.read_text() for path in (ROOT / "proto").rglob("*.proto")]
    patterns = {pattern.replace("\\\\", "\\") for proto in protos for pattern in _PATTERN.findall(proto)}
    assert len(patterns) > 5
    assert patterns == PATTERN_WORDS.keys()
