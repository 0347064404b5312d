"""gRPC reads its settings from the environment when it is loaded: by then every service has set them."""

import os
import subprocess
import sys

import pytest
from rookery_kit.postgres.provision import SERVICES

VARIABLE = "GRPC_EXPERIMENTS"
PROGRAM = """
import importlib, os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "grpc":
            print(os.environ.get("GRPC_EXPERIMENTS"))

sys.meta_path.insert(0, Watch())
importlib.import_module(sys.argv[1])
"""


def seen_by_grpc(service: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-c", PROGRAM, f"rookery_{service}.__main__"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_grpc_wait_for_its_sockets_itself(service: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    assert seen_by_grpc(service, environment) == "-event_engine_client,-event_engine_listener"


def test_what_the_operator_has_set_stands() -> None:
    assert seen_by_grpc("auth", os.environ | {VARIABLE: "nothing"}) == "nothing"


def test_grpc_knows_what_it_is_told() -> None:
    program = "import rookery_auth, grpc; grpc.insecure_channel('127.0.0.1:1').close()"
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stderr == ""
