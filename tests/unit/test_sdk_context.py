import json
from pathlib import Path

import pytest
from rookery_sdk import ContextInvalid, ContextNotFound, SuiteContext
from rookery_sdk.context import context_path

ADDRESSES = {"auth": "a:1", "registry": "r:2", "orchestrator": "o:3", "tool_executor": "t:4"}


def written(folder: Path, document: object) -> Path:
    path = folder / "context.json"
    path.write_text(json.dumps(document))
    return path


def test_the_file_given_wins_over_the_environment_and_that_over_the_usual_place(tmp_path: Path) -> None:
    environment = {"ROOKERY_CONTEXT": "/named/context.json"}
    assert context_path("/given.json", environment=environment) == Path("/given.json")
    assert context_path(environment=environment) == Path("/named/context.json")
    assert context_path(environment={}, working_folder=tmp_path) == tmp_path / ".rookery" / "context.json"


def test_a_context_file_names_the_services_and_the_key(tmp_path: Path) -> None:
    path = written(tmp_path, {**ADDRESSES, "gateway": None, "credential": "/keys/admin"})
    context = SuiteContext.find(path)
    assert (context.auth, context.registry, context.orchestrator, context.tool_executor) == ("a:1", "r:2", "o:3", "t:4")
    assert context.credential == Path("/keys/admin")
    assert context.folder == tmp_path


def test_a_key_named_without_folder_lies_beside_the_context(tmp_path: Path) -> None:
    assert SuiteContext.read(written(tmp_path, {**ADDRESSES, "credential": "key"})).credential == tmp_path / "key"


def test_a_context_needs_no_key(tmp_path: Path) -> None:
    assert SuiteContext.read(written(tmp_path, ADDRESSES)).credential is None


def test_a_context_made_in_the_program_is_taken_as_it_is() -> None:
    context = SuiteContext("a:1", "r:2", "o:3", "t:4")
    assert SuiteContext.find(context) is context


def test_where_there_is_no_suite_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(ContextNotFound, match="rookery up"):
        SuiteContext.read(tmp_path / "context.json")


@pytest.mark.parametrize("document", [[], {"auth": "a:1"}, {**ADDRESSES, "registry": 5}, {**ADDRESSES, "auth": ""}])
def test_a_context_that_lacks_an_address_is_refused(tmp_path: Path, document: object) -> None:
    with pytest.raises(ContextInvalid):
        SuiteContext.read(written(tmp_path, document))


def test_a_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "context.json"
    path.write_text("{")
    with pytest.raises(ContextInvalid, match="not JSON"):
        SuiteContext.read(path)
