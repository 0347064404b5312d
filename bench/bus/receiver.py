"""An agent that receives and acknowledges over one Receive stream, as the clients of the suite do."""

import asyncio
import struct
import time
from collections.abc import Callable
from typing import Any

import grpc
from rookery.orchestrator.v1 import credits_pb2, message_service_pb2

_CREDITS = 4096
_GATHERING_SECONDS = 0.005
_ACK = message_service_pb2.Ack()


class Receiver:
    """Tells `delivered` how long each message was on its way, and `settled` how many acknowledgements are certain.

    Acknowledgements that follow one another soon share a frame, and credits are granted anew once a quarter is used.
    """

    def __init__(
        self,
        stub: Any,  # noqa: ANN401 -- the stubs of grpc.aio are not typed at run time
        token: str,
        delivered: Callable[[float], None],
        settled: Callable[[int], None],
    ) -> None:
        self._call = stub.Receive(metadata=(("authorization", f"Bearer {token}"),))
        self._delivered = delivered
        self._settled = settled
        self._acknowledged: list[message_service_pb2.Settlement] = []
        self._some = asyncio.Event()

    async def open(self) -> None:
        """Returns once mail can be delivered."""
        opening = message_service_pb2.OpenMailbox(session_epoch=1)
        await self._call.write(message_service_pb2.ReceiveRequest(open=opening))
        assert (await self._call.read()).HasField("opened")
        await self._grant(_CREDITS)

    async def run(self) -> None:
        """Receives until the stream ends."""
        acknowledging = asyncio.create_task(self._acknowledge())
        try:
            while (frame := await self._call.read()) is not grpc.aio.EOF:
                if frame.HasField("deliveries"):
                    self._take(frame.deliveries)
                else:
                    self._settled(len(frame.settled.delivery_ids))
        finally:
            acknowledging.cancel()

    def _take(self, deliveries: message_service_pb2.Deliveries) -> None:
        now = time.perf_counter()
        for delivery in deliveries.deliveries:
            self._delivered(now - struct.unpack_from("d", delivery.message.payload.data)[0])
            self._acknowledged.append(message_service_pb2.Settlement(delivery_id=delivery.delivery_id, ack=_ACK))
        self._some.set()

    async def _acknowledge(self) -> None:
        used = 0
        while True:
            await self._some.wait()
            self._some.clear()
            settle = message_service_pb2.SettleDeliveries(settlements=self._acknowledged)
            used += len(self._acknowledged)
            self._acknowledged = []
            await self._call.write(message_service_pb2.ReceiveRequest(settle=settle))
            if used >= _CREDITS // 4:
                await self._grant(used)
                used = 0
            await asyncio.sleep(_GATHERING_SECONDS)

    async def _grant(self, count: int) -> None:
        grant = credits_pb2.GrantCredits(count=count)
        await self._call.write(message_service_pb2.ReceiveRequest(credits=grant))
