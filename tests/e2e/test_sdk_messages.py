import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from harness.eventually import eventually
from harness.sdk_agents import context_of, online, serving
from harness.suite import Suite
from rookery_sdk import Agent, Client, Message, MessageContext, NotFound, Outgoing, TaskContext, decode
from rookery_sdk.tracing import joined, trace_metadata


@pytest.fixture
def suite_settings() -> dict[str, dict[str, str]]:
    return {"orchestrator": {"NACK_BACKOFF_SECONDS": "[0.1]", "DELIVERY_ACK_WAIT_SECONDS": "2"}}


@pytest.fixture
async def client(suite: Suite) -> AsyncIterator[Client]:
    async with Client.connect(context_of(suite)) as connected:
        yield connected


def mailbox_owner(suite: Suite, name: str) -> tuple[Agent, list[Message]]:
    """An agent that keeps the messages it gets."""
    agent, got = Agent(name, context=context_of(suite)), list[Message]()

    @agent.message
    async def keep(_ctx: MessageContext, message: Message) -> None:
        got.append(message)

    return agent, got


@pytest.mark.capability("M1")
async def test_a_message_to_an_agent_that_is_away_waits_for_it(suite: Suite, client: Client) -> None:
    agent, got = mailbox_owner(suite, "librarian")
    async with serving(agent):
        await online(client, "librarian")
    sent = [await client.send("librarian", {"n": n}, type="note") for n in range(3)]
    assert got == []
    again, got = mailbox_owner(suite, "librarian")
    async with serving(again):
        await eventually(lambda: len(got) == 3)
    assert [(message.id, message.payload, message.type, message.sender) for message in got] == [
        (message.id, {"n": n}, "note", "user:admin") for n, message in enumerate(sent)
    ]


@pytest.mark.capability("M1")
async def test_many_messages_are_sent_at_once_and_each_has_an_outcome(suite: Suite, client: Client) -> None:
    agent, got = mailbox_owner(suite, "librarian")
    async with serving(agent):
        await online(client, "librarian")
        messages = [Outgoing("librarian", {"n": n}) for n in range(300)]
        outcomes = await client.send_many([*messages, Outgoing("nobody", {})])
        assert [outcome.error for outcome in outcomes[:-1]] == [None] * 300
        refused = outcomes[-1].error
        assert refused is not None
        assert refused.reason == "RECIPIENT_NOT_FOUND"
        await eventually(lambda: len(got) == 300)
    assert [message.payload for message in got] == [{"n": n} for n in range(300)]


@pytest.mark.capability("M6")
async def test_the_same_message_sent_twice_is_handled_once(suite: Suite, client: Client) -> None:
    agent, got = mailbox_owner(suite, "librarian")
    async with serving(agent):
        await online(client, "librarian")
        first = await client.send("librarian", "once")
        await client.send("librarian", "once", message_id=first.id)
        await client.send("librarian", "last")
        await eventually(lambda: got and got[-1].payload == "last")
    assert [message.payload for message in got] == ["once", "last"]


@pytest.mark.capability("M3")
async def test_a_message_whose_handler_failed_comes_again(
    suite: Suite, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    # Captured text goes from one test process to another as UTF-8, which this is not.
    caplog.set_level(logging.CRITICAL, "rookery_sdk")
    agent = Agent("stumbler", context=context_of(suite))
    attempts: list[int] = []

    @agent.message
    async def stumble(_ctx: MessageContext, message: Message) -> None:
        attempts.append(message.attempt)
        if len(attempts) < 3:
            raise OSError(("not yet \udce9", "not yet \0")[len(attempts) - 1])

    async with serving(agent):
        await online(client, "stumbler")
        await client.send("stumbler", "hello")
        await eventually(lambda: len(attempts) == 3)
    assert attempts == [1, 2, 3]


@pytest.mark.capability("M5")
async def test_agents_answer_each_other(suite: Suite, client: Client) -> None:
    asker, answerer = Agent("asker", context=context_of(suite)), Agent("answerer", context=context_of(suite))
    answers: dict[str, object] = {}

    @asker.task("ask")
    async def ask(ctx: TaskContext, question: str) -> str:
        return await ctx.send("answerer", question, type="question", priority="high")

    @asker.message
    async def take(_ctx: MessageContext, message: Message) -> None:
        answers[message.correlation_id] = message.payload

    @answerer.message
    async def answer(ctx: MessageContext, message: Message) -> None:
        assert (message.type, message.priority) == ("question", "high")
        await ctx.reply({"answer": message.payload[::-1]})

    async with serving(asker, answerer):
        await online(client, "answerer")
        task = await client.wait((await client.create_task("ask", "abc")).id, timeout=20)
        question_id = decode(task.output)
        await eventually(lambda: answers == {question_id: {"answer": "cba"}})


async def test_messages_of_one_sender_are_handled_in_the_order_they_were_sent(suite: Suite, client: Client) -> None:
    agent, got = mailbox_owner(suite, "librarian")
    async with serving(agent):
        await online(client, "librarian")
        for n in range(50):
            await client.send("librarian", n)
        await eventually(lambda: len(got) == 50)
    assert [message.payload for message in got] == list(range(50))


@pytest.mark.capability("M10")
async def test_what_a_handler_sets_off_belongs_to_the_trace_of_its_task(suite: Suite, client: Client) -> None:
    sender, receiver = Agent("sender", context=context_of(suite)), Agent("receiver", context=context_of(suite))
    traces: list[str] = []

    @sender.task("pass-on")
    async def pass_on(ctx: TaskContext, _input: object) -> None:
        traces.append(trace_metadata()[0][1])
        await ctx.send("receiver")

    @receiver.message
    async def take(_ctx: MessageContext, _message: Message) -> None:
        traces.append(trace_metadata()[0][1])

    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with serving(sender, receiver):
        await online(client, "receiver")
        with joined(f"00-{trace_id}-00f067aa0ba902b7-01"):
            await client.create_task("pass-on")
        await eventually(lambda: len(traces) == 2)
    assert [trace.split("-")[1] for trace in traces] == [trace_id, trace_id]


async def test_a_message_to_nobody_is_refused(client: Client) -> None:
    with pytest.raises(NotFound, match="RECIPIENT_NOT_FOUND"):
        await client.send("nobody", "hello")


async def test_messages_outlive_the_orchestrator_and_the_bus(suite: Suite, client: Client) -> None:
    agent, got = mailbox_owner(suite, "librarian")
    async with serving(agent):
        await online(client, "librarian")
        for n in range(5):
            await client.send("librarian", n)
        await suite.kill("orchestrator")
        late = asyncio.create_task(client.send("librarian", 5))
        await suite.start("orchestrator")
        await late
        await suite.nats.kill()
        later = asyncio.create_task(client.send("librarian", 6))
        await suite.nats.restart()
        await later
        await eventually(lambda: {message.payload for message in got} == set(range(7)), within=30)
