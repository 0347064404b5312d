"""Reasons are public: code and contract name the same ones, and agree on the status each comes with."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest
from harness.repository import ROOT, SERVICE_PACKAGES, python_files
from rookery.errors.v1.error_reason_pb2 import ErrorReason
from rookery_kit.errors import RookeryError
from rookery_kit.rpc.status import code_of

PREFIX = "ERROR_REASON_"
PROTO = ROOT / "proto" / "rookery" / "errors" / "v1" / "error_reason.proto"
DOCUMENTED = re.compile(r"((?:\s*//[^\n]*\n)+)\s*ERROR_REASON_(\w+) = \d+;")


def reasons_in_contract() -> set[str]:
    return {value.name.removeprefix(PREFIX) for value in ErrorReason.DESCRIPTOR.values} - {"UNSPECIFIED"}


def statuses_in_contract() -> dict[str, str]:
    """The status that the comment above each reason begins with."""
    found = DOCUMENTED.findall(PROTO.read_text(encoding="utf-8"))
    return {reason: comment.strip().removeprefix("//").strip().partition(":")[0] for comment, reason in found}


def errors_in_code() -> Iterator[type[RookeryError]]:
    """Every error that any service can raise."""
    for package in ("rookery_kit", *SERVICE_PACKAGES):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.endswith(".__main__") and ".migrations." not in module.name:
                importlib.import_module(module.name)
    pending = [RookeryError]
    while pending:
        error = pending.pop()
        pending.extend(error.__subclasses__())
        yield error


@pytest.fixture(scope="module")
def errors() -> list[type[RookeryError]]:
    return [error for error in errors_in_code() if "reason" in vars(error)]


def test_every_reason_in_code_is_in_the_contract(errors: list[type[RookeryError]]) -> None:
    unknown = [f"{error.__qualname__}: {error.reason}" for error in errors if error.reason not in reasons_in_contract()]
    assert unknown == []


def test_every_reason_in_the_contract_says_with_which_status_it_comes() -> None:
    statuses = statuses_in_contract()
    assert statuses.keys() - {"UNSPECIFIED"} == reasons_in_contract()
    assert [reason for reason, status in statuses.items() if not re.fullmatch("[A-Z_]+|Never sent.", status)] == []


def test_code_and_contract_agree_on_the_status_of_a_reason(errors: list[type[RookeryError]]) -> None:
    statuses = statuses_in_contract()
    differing = [
        f"{error.__qualname__}: {code_of(error('said')).name}, documented {statuses[error.reason]}"
        for error in errors
        if error.__init__ is RookeryError.__init__ and code_of(error("said")).name != statuses[error.reason]
    ]
    assert differing == []


def test_every_reason_in_the_contract_is_given_by_some_code() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in python_files("services"))
    assert [reason for reason in sorted(reasons_in_contract()) if f'"{reason}"' not in code] == []
