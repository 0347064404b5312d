"""rookery dlq and rookery messages, against a suite with an agent that cannot stand some messages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from harness.command_line import CommandLine, Done, write_context
from harness.eventually import eventually
from harness.sdk_agents import context_of, online, serving
from harness.suite import Suite
from rookery_sdk import Agent, Client, Message, MessageContext, Reject


@pytest.fixture
def rookery(suite: Suite, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, write_context(suite))


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        yield connected


def clerk(suite: Suite) -> Agent:
    """An agent that gives up every order, and keeps the rest."""
    agent = Agent("clerk", context=context_of(suite), version="3.2")

    @agent.message
    async def read_orders(_context: MessageContext, message: Message) -> None:
        if message.type == "order":
            raise Reject(f"cannot read {message.payload}")

    return agent


async def shown(rookery: CommandLine, count: int, *arguments: str) -> list[dict[str, object]]:
    """The items of a listing, once there are so many."""

    async def enough() -> list[dict[str, object]]:
        answer: dict[str, list[dict[str, object]]] = (await rookery(*arguments, "--json")).json
        items = next(iter(answer.values()))
        assert len(items) == count, items
        return items

    return await eventually(enough, within=20) if count else []


@pytest.mark.capability("M3")
async def test_dead_letters_are_listed_shown_requeued_and_discarded(
    suite: Suite, client: Client, rookery: CommandLine
) -> None:
    async with serving(clerk(suite)):
        await online(client, "clerk")
        for number in range(3):
            await rookery(
                "messages", "send", "clerk", str(number), "--type", "order", "--correlation-id", f"c-{number}"
            )
        dead = await shown(rookery, 3, "dlq", "list")
    first = dead[0]
    assert first.keys() == {
        *("id", "state", "reason", "detail", "deliveries", "handler", "agent_version", "create_time", "update_time"),
        *("updated_by", "message", "attempts"),
    }
    assert (first["reason"], first["state"], first["agent_version"]) == ("TERMINATED", "DEAD", "3.2")
    assert str(first["handler"]).endswith("read_orders")
    table = await rookery("dlq", "list", "--agent", "clerk", "--limit", "2")
    assert table.lines[0].split()[:3] == ["ID", "STATE", "AGENT"]
    assert len(table.lines) == 3
    text = (await rookery("dlq", "show", str(first["id"]))).out
    assert "cannot read" in text
    assert "TERMINATED" in text
    refused = await rookery("dlq", "discard", "--all")
    assert (refused.code, refused.err.splitlines()[-1]) == (2, "hint: add --yes to do it without asking")
    assert (await rookery("dlq", "requeue")).code == 2
    broken = await rookery("dlq", "list", "--filter", "state =")
    assert (broken.code, "at character 8: expected a value after `=`, found the end" in broken.err) == (1, True)
    unknown = await rookery("dlq", "list", "--reason", "boredom")
    assert (unknown.code, "mailbox_full" in unknown.err.lower()) == (2, True), unknown.err
    assert (await rookery("dlq", "list", "--reason", "max_deliveries")).err == "no dead letters\n"
    requeued = await rookery("dlq", "requeue", str(first["id"]))
    assert (requeued.code, requeued.out) == (0, "1 dead letter is on the way into the mailbox again\n")
    again = await rookery("dlq", "requeue", str(first["id"]))
    assert (again.code, "DEAD_LETTER_SETTLED" in again.err) == (1, True)
    discarded = await rookery("dlq", "discard", "--type", "order", "--yes", "--json")
    assert discarded.json == {"discarded": 2}
    assert (await rookery("dlq", "list")).err == "no dead letters\n"
    assert (await rookery("dlq", "show", "00000000-0000-0000-0000-000000000000")).code == 1


@pytest.mark.capability("M7")
async def test_messages_are_listed_and_mailboxes_shown_and_purged(
    suite: Suite, client: Client, rookery: CommandLine
) -> None:
    async with serving(clerk(suite)):
        await online(client, "clerk")
        await rookery("messages", "send", "clerk", "hello", "--type", "note", "--correlation-id", "c-9")
        await shown(rookery, 1, "messages", "list", "--state", "acked")
        mailbox = await rookery("messages", "mailbox", "clerk")
        assert "in session 1" in mailbox.out
    for priority in ("low", "low", "high"):
        await rookery("messages", "send", "clerk", "waits", "--priority", priority)
    document = (await rookery("messages", "mailbox", "clerk", "--json")).json
    assert (document["messages"], document["depths"]) == (3, {"HIGH": 1, "NORMAL": 0, "LOW": 2})
    assert document["receiving"] is False
    assert len(await shown(rookery, 4, "messages", "list", "--agent", "clerk")) == 4
    assert [each["type"] for each in await shown(rookery, 1, "messages", "list", "--correlation-id", "c-9")] == ["note"]
    listing = await rookery("messages", "list", "--type", "note", "--within", "600")
    assert listing.lines[0].split()[:3] == ["ID", "STATE", "PRIORITY"]
    refused = await rookery("messages", "purge", "clerk")
    assert (refused.code, "add --yes" in refused.err) == (2, True)
    old = await rookery("messages", "purge", "clerk", "--older-than", "3600", "--yes")
    assert old.out == "0 messages are purged from the mailbox of clerk\n"
    purged: Done = await rookery("messages", "purge", "clerk", "--priority", "low", "--yes")
    assert purged.out == "2 messages are purged from the mailbox of clerk\n"
    assert (await rookery("messages", "mailbox", "clerk", "--json")).json["messages"] == 1
    await shown(rookery, 2, "messages", "list", "--state", "purged")


@pytest.mark.capability("M5")
async def test_a_question_and_its_answer_are_listed_by_their_correlation_id(
    suite: Suite, client: Client, rookery: CommandLine
) -> None:
    expert = Agent("expert", context=context_of(suite))

    @expert.message
    async def handle(context: MessageContext, _message: Message) -> None:
        await context.reply(42, type="answer")

    async with serving(expert):
        await online(client, "expert")
        reply = await client.request("expert", "how many?", type="question")
    found = await shown(rookery, 2, "messages", "list", "--correlation-id", reply.correlation_id)
    assert [(each["type"], each["state"]) for each in found] == [("answer", "SENT"), ("question", "ACKED")]
    listing = await rookery("messages", "list", "--correlation-id", reply.correlation_id)
    assert len(listing.lines) == 3
