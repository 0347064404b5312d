"""Topics, broadcasts and requests through the SDK and the command line, against the whole suite."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from harness.command_line import CommandLine, write_context
from harness.sdk_agents import context_of, online, serving
from harness.suite import Suite
from rookery_sdk import Agent, Audience, Client, DeadlineExceeded, Message, MessageContext


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        yield connected


class Listener(Agent):
    """An agent that notes what it hears, answers requests, and asks the next one when told to."""

    def __init__(self, suite: Suite, name: str, **labels: str) -> None:
        super().__init__(name, context=context_of(suite), labels=labels)
        self.heard: asyncio.Queue[Message] = asyncio.Queue()

        @self.message
        async def handle(ctx: MessageContext, message: Message) -> None:
            if message.type == "join":
                await ctx.join_topic(message.payload)
                await ctx.reply("joined")
            elif message.type == "leave":
                await ctx.leave_topic(message.payload)
                await ctx.reply("left")
            elif message.type == "ask":
                answer = await ctx.request(message.payload, "how are you?")
                await ctx.publish("news", f"{message.payload} says {answer.payload}")
                await ctx.reply(answer.payload)
            elif message.reply_address and message.type != "ignore":
                await ctx.reply(f"{self.name} is well")
            else:
                await self.heard.put(message)


@pytest.mark.capability("M4")
@pytest.mark.capability("M5")
async def test_agents_of_the_sdk_join_publish_ask_and_answer(suite: Suite, client: Client, tmp_path: Path) -> None:
    rookery = CommandLine(tmp_path, write_context(suite))
    one, other = Listener(suite, "one", role="scout"), Listener(suite, "other", role="guard")
    assert (await rookery("topics", "create", "news", "--description", "What is new")).code == 0
    async with serving(one, other):
        await online(client, "one")
        await online(client, "other")
        assert (await client.request("one", "news", type="join")).payload == "joined"
        assert (await rookery("topics", "join", "news", "other")).code == 0
        listed = (await rookery("topics", "list", "--json")).json
        assert [(topic["name"], topic["member_count"]) for topic in listed["topics"]] == [("news", 2)]

        assert (await client.request("one", "other", type="ask")).payload == "other is well"
        heard = await asyncio.wait_for(other.heard.get(), 10)
        assert (heard.payload, heard.topic) == ("other says other is well", "news")
        assert one.heard.empty()

        published = (await rookery("topics", "publish", "news", "from the shell", "--json")).json
        assert (published["recipient_count"], published["pending_count"]) == (2, 0)
        for agent in (one, other):
            assert (await asyncio.wait_for(agent.heard.get(), 10)).payload == "from the shell"

        told = await client.broadcast(Audience(role="scout"), "scouts only")
        assert told.recipients == 1
        assert (await asyncio.wait_for(one.heard.get(), 10)).payload == "scouts only"

        with pytest.raises(DeadlineExceeded, match="REQUEST_UNANSWERED"):
            await client.request("other", type="ignore", timeout=0.5)

        watched = await rookery("topics", "watch", "news", "--after", "0", "--count", "2", "--json")
        assert [json.loads(line)["payload"] for line in watched.lines] == [
            "other says other is well",
            "from the shell",
        ]
        assert (await client.request("one", "news", type="leave")).payload == "left"
        members = (await rookery("topics", "members", "news", "--json")).json["members"]
        assert [member["agent_id"] for member in members] == [(await online(client, "other")).id]
        assert (await rookery("topics", "leave", "news", "other")).code == 0
    assert (await rookery("topics", "delete", "news")).code == 2
    assert (await rookery("topics", "delete", "news", "--yes")).code == 0
    gone = await rookery("topics", "publish", "news", "anybody?")
    assert (gone.code, "TOPIC_NOT_FOUND" in gone.err) == (1, True)
