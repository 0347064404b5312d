from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from rookery.events.v1 import agent_event_pb2, mcp_server_event_pb2
from rookery.registry.v1 import agent_service_pb2
from rookery_kit.errors import PermissionMissing
from rookery_kit.identity import Principal
from rookery_kit.postgres import InvalidPageToken
from rookery_registry.encoding import encode_agent
from rookery_registry.events import agent_event, mcp_server_event
from rookery_registry.model import (
    Agent,
    AgentChange,
    AgentChanged,
    McpServer,
    McpServerChange,
    McpServerChanged,
    NotAnAgent,
    StreamableHttpTransport,
)
from rookery_registry.rpc.pages import NamePage, parts_that_fit
from rookery_registry.service.authority import own_agent_id, require_authority_over
from rookery_registry.settings import RegistrySettings

ID = "0198c0de-0000-7000-8000-000000000000"
NOW = datetime.now(UTC)


def principal(subject: str, *permissions: str) -> Principal:
    return Principal(subject, "default", (), frozenset(permissions), "token", NOW)


def agent(name: str = "scribe") -> Agent:
    return Agent(
        id=ID,
        tenant="default",
        name=name,
        subject=f"agent:{ID}",
        description="",
        capabilities=(),
        labels={},
        online=True,
        session_epoch=1,
        lease_duration=timedelta(seconds=15),
        lease_expire_time=NOW,
        create_time=NOW,
        update_time=NOW,
        revision=26,
        draining=False,
    )


def server() -> McpServer:
    transport = StreamableHttpTransport("https://tools.example.com/mcp")
    return McpServer(ID, "default", "files", "", transport, True, NOW, NOW, 26)


def test_an_agent_is_known_by_the_identifier_of_its_subject() -> None:
    assert own_agent_id(principal(f"agent:{ID}")) == ID


@pytest.mark.parametrize("subject", [f"user:{ID}", f"service:{ID}", "agent:scribe", "agent:", ID])
def test_other_subjects_are_no_agents(subject: str) -> None:
    with pytest.raises(NotAnAgent):
        own_agent_id(principal(subject))


def test_an_agent_may_change_itself_and_who_manages_agents_may_change_all() -> None:
    require_authority_over(principal(f"agent:{ID}"), agent())
    require_authority_over(principal("user:admin", "agents:manage"), agent())
    require_authority_over(principal("user:admin", "agents:*"), agent())
    for other in (f"user:{ID}", "agent:other"):
        with pytest.raises(PermissionMissing, match="agents:manage"):
            require_authority_over(principal(other, "agents:update"), agent())


@pytest.mark.parametrize("change", AgentChange)
def test_every_change_of_an_agent_has_an_event(change: AgentChange) -> None:
    event = agent_event(AgentChanged(change, agent(), 27))
    message = agent_event_pb2.AgentChanged.FromString(event.payload)
    assert agent_event_pb2.AgentChange.Name(message.change) == f"AGENT_CHANGE_{change.name}"
    assert (message.agent.id, message.agent.etag, message.agent.revision) == (ID, agent().etag, 26)
    assert message.revision == 27
    assert (event.subject, event.message_id) == (f"rk.default.event.agent.{ID}", f"agent-{ID}-27")


@pytest.mark.parametrize("change", McpServerChange)
def test_every_change_of_a_server_has_an_event(change: McpServerChange) -> None:
    event = mcp_server_event(McpServerChanged(change, server(), 27))
    message = mcp_server_event_pb2.McpServerChanged.FromString(event.payload)
    assert mcp_server_event_pb2.McpServerChange.Name(message.change) == f"MCP_SERVER_CHANGE_{change.name}"
    assert (message.mcp_server.streamable_http.url, message.revision) == ("https://tools.example.com/mcp", 27)


def test_a_page_holds_what_was_asked_for_and_a_token_when_there_is_more() -> None:
    request = agent_service_pb2.ListAgentsRequest(page_size=2)
    page = NamePage(request, "agents")
    assert (page.after, page.limit) == (None, 3)
    whole, token = page.cut([agent("a"), agent("b")], encode_agent)
    assert ([item.name for item in whole], token) == (["a", "b"], "")
    cut, token = page.cut([agent("a"), agent("b"), agent("c")], encode_agent)
    assert [item.name for item in cut] == ["a", "b"]
    request.page_token = token
    assert NamePage(request, "agents").after == "b"
    with pytest.raises(InvalidPageToken):
        NamePage(request, "agents", "another filter")


def test_a_page_ends_before_an_answer_is_full() -> None:
    request = agent_service_pb2.ListAgentsRequest(page_size=3)
    page = NamePage(request, "agents")
    wordy = [replace(agent(name), description="x" * 1_500_000) for name in ("a", "b", "c")]
    cut, token = page.cut(wordy, encode_agent)
    assert [item.name for item in cut] == ["a"]
    request.page_token = token
    assert NamePage(request, "agents").after == "a"


def test_what_does_not_fit_into_one_answer_comes_in_parts() -> None:
    wordy = [encode_agent(replace(agent(name), description="x" * 900_000)) for name in ("a", "b", "c")]
    assert [[item.name for item in part] for part in parts_that_fit(wordy)] == [["a", "b"], ["c"]]
    assert list(parts_that_fit([])) == []


def test_a_page_of_no_stated_size_holds_fifty() -> None:
    assert NamePage(agent_service_pb2.ListAgentsRequest(), "agents").limit == 51


@pytest.mark.parametrize(
    ("name", "value"),
    [("sweep_seconds", 0.6), ("sweep_seconds", 0), ("default_lease_seconds", 0.5), ("default_lease_seconds", 601)],
)
def test_settings_out_of_bounds_are_refused(name: str, value: float) -> None:
    addresses = dict.fromkeys(("listen", "metrics_listen", "auth_address"), "127.0.0.1:0")
    with pytest.raises(ValidationError, match=name):
        RegistrySettings(database_url="postgresql://", nats_url="nats://", **addresses, **{name: value})  # type: ignore[arg-type]
