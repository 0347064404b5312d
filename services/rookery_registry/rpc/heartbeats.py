"""The Heartbeat stream: beats in, what is new out."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from google.protobuf import duration_pb2
from rookery.registry.v1 import agent_health_pb2, agent_service_pb2
from rookery_kit.rpc import Call

from rookery_registry.health.recorder import HealthRecorder
from rookery_registry.health.reports import HealthMetrics
from rookery_registry.heartbeats.groups import BeatGroups
from rookery_registry.heartbeats.pulse import Answer, Pulse
from rookery_registry.model import Instruction
from rookery_registry.service.authority import own_agent_id
from rookery_registry.service.keep_lease import AgentLeases

# Of a lease: two beats may be lost before it runs out.
_BEATS_A_LEASE = 3
_INSTRUCTIONS = {
    Instruction.DRAIN: agent_service_pb2.AGENT_INSTRUCTION_DRAIN,
    Instruction.RESUME: agent_service_pb2.AGENT_INSTRUCTION_RESUME,
    Instruction.REFRESH_CARD: agent_service_pb2.AGENT_INSTRUCTION_REFRESH_CARD,
}

Requests = AsyncIterator[agent_service_pb2.HeartbeatRequest]


class HeartbeatStream:
    """Serves one stream after the other."""

    def __init__(self, groups: BeatGroups, leases: AgentLeases, recorder: HealthRecorder) -> None:
        self._groups = groups
        self._leases = leases
        self._recorder = recorder

    async def serve(self, requests: Requests, call: Call) -> AsyncIterator[agent_service_pb2.HeartbeatResponse]:
        """Answers the beats of an agent until either side ends. Raises what ends the stream."""
        agent_id = UUID(own_agent_id(call.principal))
        pulse = self._groups.open(call.principal.tenant, agent_id)
        reading = asyncio.create_task(self._read(pulse, requests, call))
        try:
            async for answer in pulse.answers():
                yield _encode(answer)
        finally:
            reading.cancel()
            self._groups.close(pulse)

    async def _read(self, pulse: Pulse, requests: Requests, call: Call) -> None:
        reports = self._recorder.of(pulse.tenant, pulse.agent_id)
        try:
            async for beat in requests:
                if beat.HasField("metrics"):
                    reports.take(_decode_metrics(beat.metrics))
                if beat.going_offline:
                    await self._groups.withdraw(pulse.tenant, pulse.agent_id)
                    await self._leases.give_back(call.principal, beat.session_epoch)
                    pulse.given_back()
                else:
                    self._groups.take(pulse, beat.session_epoch, confirm=beat.confirm)
        except Exception as error:
            pulse.end(error)
        else:
            pulse.end()


def _encode(answer: Answer) -> agent_service_pb2.HeartbeatResponse:
    response = agent_service_pb2.HeartbeatResponse(
        lease_remaining=answer.lease, instructions=[_INSTRUCTIONS[each] for each in answer.instructions]
    )
    if answer.lease:
        interval = duration_pb2.Duration()
        interval.FromTimedelta(answer.lease / _BEATS_A_LEASE)
        response.beat_interval.CopyFrom(interval)
    return response


def _decode_metrics(metrics: agent_health_pb2.HealthMetrics) -> HealthMetrics:
    return HealthMetrics(
        metrics.requests_handled,
        metrics.mean_response_ms,
        metrics.error_rate,
        metrics.cpu_fraction,
        metrics.memory_bytes,
        metrics.in_flight,
        metrics.capacity,
    )
