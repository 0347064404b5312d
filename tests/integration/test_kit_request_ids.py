import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import grpc
import pytest
from harness.databases import OpenDatabase
from harness.kit_server import KitServer, serving
from harness.refusal import refusal
from rookery.registry.v1 import agent_pb2, agent_service_pb2, agent_service_pb2_grpc
from rookery_kit.clock import new_id
from rookery_kit.errors import AlreadyExists
from rookery_kit.postgres import Database
from rookery_kit.rpc import Call, Registration

Code = grpc.StatusCode


class NameTaken(AlreadyExists):
    """An error of a service."""

    reason = "AGENT_NAME_TAKEN"


class Agents(agent_service_pb2_grpc.AgentServiceServicer):
    """Registers under a new id each time it runs, with an outbox row as its change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.runs = 0
        self.failing = False
        self.go = asyncio.Event()
        self.go.set()
        self.entered = asyncio.Event()

    async def RegisterAgent(  # noqa: N802 -- named by the contract
        self, request: Any, context: Any
    ) -> agent_service_pb2.RegisterAgentResponse:
        self.runs += 1
        self.entered.set()
        await self.go.wait()
        tenant = Call.of(context).principal.tenant
        async with self._database.transaction(tenant) as connection:
            await connection.execute(
                "INSERT INTO outbox (message_id, subject, payload) VALUES ($1, 's', '')", request.name
            )
        if self.failing:
            raise NameTaken("the name is taken")
        return agent_service_pb2.RegisterAgentResponse(agent=agent_pb2.Agent(id=new_id(), name=request.name))


@pytest.fixture
async def database(open_database: OpenDatabase) -> Database:
    return await open_database("registry")


@pytest.fixture
def agents(database: Database) -> Agents:
    return Agents(database)  # type: ignore[abstract] # the other methods are not called


@pytest.fixture
async def kit(agents: Agents, database: Database) -> AsyncIterator[KitServer]:
    registration = Registration(agent_service_pb2_grpc.add_AgentServiceServicer_to_server, agents)
    async with serving(registration, database=database) as server:
        yield server


def register(kit: KitServer, request_id: str, name: str = "scribe", **token: Any) -> Any:
    request = agent_service_pb2.RegisterAgentRequest(request_id=request_id, name=name)
    stub = agent_service_pb2_grpc.AgentServiceStub(kit.channel)
    return stub.RegisterAgent(request, metadata=kit.mint.bearer(**token), timeout=10)


async def changes(database: Database) -> int:
    async with database.system_transaction() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM outbox WHERE subject = 's'"))


async def test_the_same_request_id_answers_the_same_and_changes_nothing_more(
    kit: KitServer, agents: Agents, database: Database
) -> None:
    request_id = str(uuid4())
    first, second = [await register(kit, request_id) for _ in range(2)]
    assert first == second
    assert (agents.runs, await changes(database)) == (1, 1)


async def test_the_same_request_id_with_another_body_is_refused(kit: KitServer, agents: Agents) -> None:
    request_id = str(uuid4())
    await register(kit, request_id)
    refused = await refusal(register(kit, request_id, name="another"))
    assert (refused.code, refused.reason) == (Code.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert refused.fields == ("request_id",)
    assert agents.runs == 1


async def test_without_a_request_id_every_call_counts(kit: KitServer, agents: Agents, database: Database) -> None:
    first, second = [await register(kit, "") for _ in range(2)]
    assert first != second
    assert (agents.runs, await changes(database)) == (2, 2)


async def test_of_two_at_once_one_runs_and_both_get_its_answer(
    kit: KitServer, agents: Agents, database: Database
) -> None:
    request_id = str(uuid4())
    agents.go.clear()
    first = asyncio.ensure_future(register(kit, request_id))
    await asyncio.wait_for(agents.entered.wait(), 5)
    second = asyncio.ensure_future(register(kit, request_id))
    agents.go.set()
    assert await first == await second
    assert (agents.runs, await changes(database)) == (1, 1)


async def test_an_error_takes_back_the_change_and_the_request_may_be_repeated(
    kit: KitServer, agents: Agents, database: Database
) -> None:
    request_id = str(uuid4())
    agents.failing = True
    assert (await refusal(register(kit, request_id))).reason == "AGENT_NAME_TAKEN"
    assert await changes(database) == 0
    agents.failing = False
    assert (await register(kit, request_id)).agent.name == "scribe"
    assert (agents.runs, await changes(database)) == (2, 1)


@pytest.mark.capability("A6")
@pytest.mark.parametrize("other", [{"tenant": "blue"}, {"subject": "user:other"}])
async def test_a_request_id_belongs_to_its_caller(kit: KitServer, agents: Agents, other: dict[str, str]) -> None:
    request_id = str(uuid4())
    first = await register(kit, request_id, tenant="red")
    second = await register(kit, request_id, **{"tenant": "red", **other})
    assert first != second
    assert agents.runs == 2
