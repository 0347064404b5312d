"""An agent whose connection is dead without anybody having been told."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from harness.databases import FreshDatabase
from harness.eventually import eventually
from harness.nats_server import RestartableNats
from harness.sdk_agents import context_of, online, serving
from harness.silent_proxy import silent_proxy
from harness.suite import Suite, running_suite
from rookery.orchestrator.v1 import mailbox_pb2, message_service_pb2
from rookery_sdk import Agent, Client, Message, MessageContext

# Longer than the connection takes to be given up, so that what comes again was given back.
ACK_WAIT = "120"
SECONDS = 30.0


@pytest.fixture
async def suite(fresh_database: FreshDatabase, nats_server: RestartableNats) -> AsyncIterator[Suite]:
    extra = {"orchestrator": {"DELIVERY_ACK_WAIT_SECONDS": ACK_WAIT}}
    services = ("auth", "registry", "orchestrator")
    async with running_suite(fresh_database, nats_server, services=services, extra=extra) as running:
        yield running


async def all_acknowledged(client: Client) -> bool:
    listed = await client.messages.ListMessages(message_service_pb2.ListMessagesRequest())
    return all(record.state == mailbox_pb2.MESSAGE_STATE_ACKED for record in listed.messages)


@pytest.mark.capability("M1")
@pytest.mark.timeout(120)
async def test_an_agent_whose_connection_is_dead_goes_on_where_it_stood_within_seconds(suite: Suite) -> None:
    async with (
        silent_proxy(suite.address("orchestrator")) as proxy,
        Client.connect(context_of(suite)) as client,
    ):
        agent = Agent("clerk", context=replace(context_of(suite), orchestrator=proxy.address))
        begun: list[str] = []
        done: list[str] = []
        go_on = asyncio.Event()

        @agent.message
        async def handle(_context: MessageContext, message: Message) -> None:
            begun.append(message.payload)
            await go_on.wait()
            done.append(message.payload)

        async with serving(agent):
            await online(client, "clerk")
            await client.send("clerk", "in hand when the connection dies")
            await eventually(lambda: begun)
            connections = proxy.connections
            proxy.silence()
            await client.send("clerk", "sent meanwhile")
            await eventually(lambda: proxy.connections > connections, within=SECONDS)
            go_on.set()
            await eventually(lambda: len(done) == 2)
            # What was handled before the new stream was open is acknowledged when it comes again.
            await eventually(lambda: all_acknowledged(client), within=SECONDS)
        await client.send("clerk", "afterwards")
        # In another session, which does not know what this process has handled.
        async with serving(agent):
            await eventually(lambda: done[-1] == "afterwards")
        assert begun == done == ["in hand when the connection dies", "sent meanwhile", "afterwards"]
