"""Who names in a request what another tenant has is told what he is told of things that exist nowhere."""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from harness.eventually import eventually
from harness.suite import Suite
from harness.tenant_reads import Answer, Read, ask, fields_of_text, fill, made_up, named, reads
from harness.tenant_work import SETTINGS, work
from harness.tenants import Bearer, Tenants, token_for
from rookery_kit.contract import declared_methods
from rookery_local.ports import SERVICES

# Where what a field names is listed; a method's own entry goes before that of the field.
LISTED = {
    "agent_id": "ListAgents agents.id",
    "api_key_id": "ListApiKeys api_keys.id",
    "capabilities": "ListAgents agents.capabilities",
    "capability": "ListAgents agents.capabilities",
    "correlation_id": "ListMessages messages.message.correlation_id",
    "dead_letter_id": "ListDeadLetters dead_letters.id",
    "labels": "ListAgents agents.labels",
    "mcp_server_id": "ListMcpServers mcp_servers.id",
    "member_agent_id": "ListAgents agents.id",
    "role": "ListBindings bindings.role",
    "server": "ListMcpServers mcp_servers.name",
    "subject": "ListBindings bindings.subject",
    "task_id": "ListTasks tasks.id",
    "topic": "ListTopics topics.name",
    "type": "ListMessages messages.message.type",
    "GetMcpServer name": "ListMcpServers mcp_servers.name",
    "ListAgents name": "ListAgents agents.name",
    "ListAgents filter": "ListAgents agents.name",
    "FindAgents filter": "ListAgents agents.id",
    "ListAuditEvents filter": "ListAgents agents.id",
    "ListDeadLetters filter": "ListDeadLetters dead_letters.message.type",
}
FILTERS = {
    "ListAgents": 'name = "{}"',
    "FindAgents": 'id = "{}"',
    "ListAuditEvents": 'actor = "agent:{}"',
    "ListDeadLetters": 'type = "{}"',
}
OF_ITS_OWN = {"tenant_id": "the tenant's name", "token": "the access token of its administrator"}
NAMES_NOTHING = {
    "permission": "a permission is a word of the contract, the same in every tenant",
    "method": "so is the name of a method",
    "page_token": "a place in a listing; it is sent along with each request of which there is a further page",
}
# What else a request must say to be answered at all.
BESIDES: dict[str, dict[str, str | int]] = {
    "CheckPermission": {"permission": "messages:read"},
    "Subscribe": {"after_sequence": 0},
}
ANSWERS_ANYTHING = {"CheckPermission"}
REFUSED = {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT}


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return SETTINGS


def test_every_field_of_a_read_is_tried_on_another_tenant_or_names_nothing() -> None:
    present = {(read.name, path) for read in reads() for path in fields_of_text(read.descriptor.input_type)}
    entries = {f"{name} {path}" for name, path in present} | {path for _, path in present}
    assert {*LISTED, *OF_ITS_OWN, *NAMES_NOTHING} <= entries, "an entry for a field that is no more"
    assert [
        (name, path)
        for name, path in sorted(present)
        if not {path, f"{name} {path}"} & {*LISTED, *OF_ITS_OWN, *NAMES_NOTHING}
    ] == []


def test_every_method_that_sounds_like_a_read_is_one() -> None:
    sounding = re.compile(r"(List|Get|Watch|Find|Search|Check|Introspect|Subscribe)")
    found = {method.full_name for method in declared_methods() if method.permission and sounding.match(method.name)}
    assert found - {read.declared.full_name for read in reads()} == set()


class Belongings:
    """What a tenant has, by what its administrator is shown."""

    def __init__(self, suite: Suite, name: str, administrator: Bearer) -> None:
        self._suite = suite
        self._administrator = administrator
        self._own = {"tenant_id": {name}, "token": {administrator[0][1].removeprefix("Bearer ")}}
        self._listed: dict[str, set[str]] = {}

    async def collect(self) -> None:
        """Lists everything."""
        by_name = {read.name: read for read in reads()}
        for source in set(LISTED.values()):
            name, path = source.split()
            self._listed[source] = await eventually(partial(self._values, by_name[name], path), within=20)

    async def _values(self, read: Read, path: str) -> set[str]:
        channel: Any = self._suite.channel(read.declared.service.split(".")[1])
        payload = read.request().SerializeToString()
        answer = await channel.unary_unary(f"/{read.declared.full_name}")(payload, metadata=self._administrator)
        return set(named(GetMessageClass(read.descriptor.output_type).FromString(answer), path))

    def requests(self, read: Read) -> Iterator[tuple[str, dict[str, Message]]]:
        """For each field that can name something a request for each value, by the value."""
        for path in fields_of_text(read.descriptor.input_type):
            source = LISTED.get(f"{read.name} {path}") or LISTED.get(path, "")
            values = self._listed[source] if source else self._own.get(path, set())
            if values:
                yield path, {value: naming(read, path, value) for value in sorted(values)}

    async def found(self, read: Read, requests: Iterable[Message]) -> set[str]:
        """What the tenant itself is told by these requests."""
        answers = [await ask(self._suite, read, each, self._administrator, first=True) for each in requests]
        return {value for answer in answers for value in answer.values}

    async def further_pages(self, read: Read) -> list[tuple[str, Message]]:
        """Requests for the second pages of a listing, as the tenant's administrator sends them, and what they name."""
        further: list[tuple[str, Message]] = []
        if "page_token" not in read.descriptor.input_type.fields_by_name:
            return further
        naming_something = [each for _, requests in self.requests(read) for each in requests.items()]
        for value, request in [("", read.request()), *naming_something]:
            fill(request, "page_size", 1)
            if page_token := (await ask(self._suite, read, request, self._administrator)).page_token:
                fill(request, "page_token", page_token)
                further.append((value, request))
        return further


def naming(read: Read, path: str, value: str) -> Message:
    """A request that names one thing."""
    request = read.request()
    for besides, said in BESIDES.get(read.name, {}).items():
        fill(request, besides, said)
    fill(request, path, FILTERS[read.name].format(value) if path == "filter" else value)
    return request


async def tenant(suite: Suite, name: str) -> Bearer:
    """The administrator of a new tenant."""
    created = await Tenants(suite.channel("auth"), await suite.administrator()).create(name)
    return await token_for(suite.channel("auth"), created.administrator_secret)


def shown(answer: Answer, foreign: set[str], sent: str) -> set[str]:
    """Those foreign values that are anywhere in an answer, but for what was sent."""
    text = "\n".join(value.replace(sent, "") for value in (answer.details, *answer.values))
    return {value for value in foreign if re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", text)}


def without(answer: Answer, sent: str) -> tuple[grpc.StatusCode, str, list[str]]:
    """An answer without what was sent, to be compared with the answer to something else."""
    return answer.code, answer.details.replace(sent, ""), [value.replace(sent, "") for value in answer.values]


@pytest.mark.capability("A6")
async def test_who_names_what_another_tenant_has_is_told_what_he_is_told_of_what_exists_nowhere(suite: Suite) -> None:
    red, blue = await tenant(suite, "red"), await tenant(suite, "blue")
    await work(suite, red)
    reds = Belongings(suite, "red", red)
    await reds.collect()
    foreign, own = {"red"}, set[str]()
    answers: list[tuple[str, str, Answer]] = []
    for read in reads():
        foreign |= await reds.found(read, [read.request()])
        own.update((await ask(suite, read, read.request(), blue)).values)
        for path, requests in reds.requests(read):
            if not read.declared.installation:
                foreign |= await eventually(partial(reds.found, read, requests.values()), within=20)
            for value, request in requests.items():
                nowhere = made_up(value)
                expected = await ask(suite, read, naming(read, path, nowhere), blue)
                answer = await ask(suite, read, request, blue)
                assert without(answer, value) == without(expected, nowhere), (read.name, path)
                assert answer.code in REFUSED or not answer.values or read.name in ANSWERS_ANYTHING, (read.name, path)
                own.update(expected.values)
                answers.append((read.name, value, answer))
    foreign -= own | set(SERVICES)
    assert {"red", "worker", "clerk", "news", "rumours", "bench", "scribe", "greeting", "attic"} <= foreign
    further = [(read, *page) for read in reads() for page in await reds.further_pages(read)]
    assert len(further) > 10
    for read, value, request in further:
        answer = await ask(suite, read, request, blue)
        assert answer.code in REFUSED | {grpc.StatusCode.OK}, read.name
        answers.append((read.name, value, answer))
    for name, value, answer in answers:
        assert shown(answer, foreign, value) == set(), name
