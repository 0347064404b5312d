import asyncio

from harness.eventually import eventually
from rookery.registry.v1 import agent_service_pb2
from rookery_sdk.frames import Outbound
from rookery_sdk.health import HealthMeter
from rookery_sdk.heartbeat import Heartbeat

DRAIN = agent_service_pb2.AGENT_INSTRUCTION_DRAIN
RESUME = agent_service_pb2.AGENT_INSTRUCTION_RESUME
REFRESH_CARD = agent_service_pb2.AGENT_INSTRUCTION_REFRESH_CARD


class Sent(Outbound[agent_service_pb2.HeartbeatRequest]):
    """Keeps what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[agent_service_pb2.HeartbeatRequest] = []

    def send(self, frame: agent_service_pb2.HeartbeatRequest) -> None:
        self.frames.append(frame)


class Told:
    """An agent that notes what it is told."""

    def __init__(self) -> None:
        self.drains: list[bool] = []
        self.refreshed: list[int] = []
        self.heartbeat = Heartbeat(HealthMeter(8), drain=self.drains.append, refresh=self.refresh)

    async def refresh(self, epoch: int) -> None:
        self.refreshed.append(epoch)


def answer(
    *instructions: agent_service_pb2.AgentInstruction, interval: float = 60
) -> agent_service_pb2.HeartbeatResponse:
    response = agent_service_pb2.HeartbeatResponse(instructions=instructions)
    response.lease_remaining.FromMilliseconds(int(interval * 3000))
    response.beat_interval.FromMilliseconds(int(interval * 1000))
    return response


def test_an_agent_is_steered_only_when_something_changes() -> None:
    told = Told()
    told.heartbeat.opening(7)
    told.heartbeat.attach(Sent(), answer(DRAIN))
    told.heartbeat.take(answer(DRAIN))
    told.heartbeat.take(answer(RESUME))
    told.heartbeat.take(answer())
    assert told.drains == [True, False]


def test_an_agent_that_drains_and_is_not_told_so_by_the_next_stream_resumes() -> None:
    told = Told()
    told.heartbeat.attach(Sent(), answer(DRAIN))
    told.heartbeat.detach()
    told.heartbeat.attach(Sent(), answer())
    assert told.drains == [True, False]


async def test_it_beats_as_often_as_it_is_told_with_its_epoch_and_metrics() -> None:
    told, sent = Told(), Sent()
    assert told.heartbeat.opening(7).session_epoch == 7
    beating = asyncio.create_task(told.heartbeat.beat())
    told.heartbeat.attach(sent, answer(interval=0.01))
    await eventually(lambda: len(sent.frames) >= 3)
    beating.cancel()
    assert {(frame.session_epoch, frame.metrics.capacity) for frame in sent.frames} == {(7, 8)}


async def test_it_registers_again_when_it_is_told_to() -> None:
    told = Told()
    told.heartbeat.opening(7)
    beating = asyncio.create_task(told.heartbeat.beat())
    told.heartbeat.attach(Sent(), answer(REFRESH_CARD))
    await eventually(lambda: told.refreshed == [7])
    beating.cancel()


async def test_it_gives_its_lease_back_over_the_open_stream_and_otherwise_says_that_it_could_not() -> None:
    told, sent = Told(), Sent()
    assert not await told.heartbeat.leave()
    told.heartbeat.attach(sent, answer())
    leaving = asyncio.create_task(told.heartbeat.leave())
    await eventually(lambda: [frame.going_offline for frame in sent.frames] == [True])
    told.heartbeat.take(agent_service_pb2.HeartbeatResponse())
    assert await leaving
