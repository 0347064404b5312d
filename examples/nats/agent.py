"""An agent on NATS with nothing but a NATS client: no SDK, no gRPC, no generated code; everything is JSON.

Usage: ROOKERY_NATS_URL=nats://127.0.0.1:4222 ROOKERY_ACCESS_TOKEN=... python examples/nats/agent.py NAME

It registers under NAME, opens its mailbox and answers what it gets in upper case, until it is interrupted or gets a
message of type `stop`. docs/nats.md describes the wire.
"""

import asyncio
import base64
import json
import os
import sys
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

PING_SECONDS = 5.0
NOT_LET_IN = "NATS does not let the access token in: it is not an agent's, has expired or was revoked"


class NatsAgent:
    """Calls methods and holds one stream, all on the agent's own subjects."""

    def __init__(self, client: Client, token: str, subject: str) -> None:
        self._client = client
        self._subject = subject
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    async def call(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        """Calls a method, such as MessageService.SendMessage. Raises RuntimeError with the reason of a refusal."""
        answer = await self._client.request(
            f"{self._subject}.call.{method}", json.dumps(request).encode(), timeout=10, headers=self._headers
        )
        return _checked(answer)

    async def stream(self, method: str, first: dict[str, Any]) -> "Stream":
        """Opens a stream, such as MessageService.Receive."""
        inbox = self._client.new_inbox()
        subscription = await self._client.subscribe(inbox)
        await self._client.publish(
            f"{self._subject}.call.{method}", json.dumps(first).encode(), reply=inbox, headers=self._headers
        )
        return Stream(self._client, self._subject, subscription)


class Stream:
    """Frames are numbered both ways. When one is missing, or all is silent, the stream is broken: open it again."""

    def __init__(self, client: Client, subject: str, subscription: Any) -> None:  # noqa: ANN401 -- of the client
        self._client = client
        self._subject = subject
        self._subscription = subscription
        self._id = ""
        self._received = 0
        self._sent = 1

    async def next(self) -> dict[str, Any]:
        """The next frame. Raises RuntimeError when the stream is broken or has ended."""
        while True:
            try:
                message: Msg = await self._subscription.next_msg(timeout=PING_SECONDS)
            except TimeoutError:
                await self._publish(b"", {"ping": str(self._sent)})
                message = await self._subscription.next_msg(timeout=PING_SECONDS)
            headers = message.headers or {}
            self._id = headers.get("stream", self._id)
            if "pong" in headers:
                if int(headers["pong"]) != self._received:
                    raise RuntimeError("a frame was lost; open the stream again")
                continue
            if "frame" in headers and int(headers["frame"]) != self._received + 1:
                raise RuntimeError("a frame was lost; open the stream again")
            self._received += 1
            if "grpc-status" in headers:
                raise RuntimeError(f"the stream has ended: {_checked(message)}")
            frame: dict[str, Any] = json.loads(message.data)
            return frame

    async def send(self, frame: dict[str, Any]) -> None:
        """Sends a frame."""
        self._sent += 1
        await self._publish(json.dumps(frame).encode(), {"frame": str(self._sent)})

    async def _publish(self, data: bytes, headers: dict[str, str]) -> None:
        await self._client.publish(f"{self._subject}.stream.{self._id}", data, headers=headers)


def _checked(answer: Msg) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(answer.data or b"{}")
    if (answer.headers or {}).get("grpc-status") != "0":
        reason = next((detail.get("reason") for detail in document.get("details", ())), "")
        raise RuntimeError(f"{reason}: {document.get('message')}")
    return document


async def answer_mail(agent: NatsAgent, session_epoch: str) -> None:
    """Empties the mailbox until it gets a message of type `stop`."""
    stream = await agent.stream("MessageService.Receive", {"open": {"sessionEpoch": session_epoch}})
    await stream.next()
    await stream.send({"credits": {"count": 16}})
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    while True:
        frame = await stream.next()
        for delivery in frame.get("deliveries", {}).get("deliveries", ()):
            message = delivery["message"]
            text = base64.b64decode(message.get("payload", {}).get("data", "")).decode()
            payload = {"contentType": "text/plain", "data": base64.b64encode(text.upper().encode()).decode()}
            reply: dict[str, Any] = {"correlationId": message.get("correlationId") or message["id"], "payload": payload}
            if message.get("replyAddress"):
                reply["replyAddress"] = message["replyAddress"]
            elif message["sender"].startswith("agent:"):
                reply["recipientAgentId"] = message["sender"].removeprefix("agent:")
            if len(reply) > 2:
                await agent.call("MessageService.SendMessage", reply)
            await stream.send({"settle": {"settlements": [{"deliveryId": delivery["deliveryId"], "ack": {}}]}})
            await stream.send({"credits": {"count": 1}})
            if message.get("type") == "stop":
                await stream.next()
                return


def claims_of(token: str) -> tuple[str, str, str]:
    """The tenant, the agent's id and the token's own, as a token tells them. Raises RuntimeError for what is none."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return claims["tenant"], claims["sub"].removeprefix("agent:"), claims["jti"]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise RuntimeError("ROOKERY_ACCESS_TOKEN is not an access token") from None


async def main(name: str) -> None:
    """Connects, registers, and answers mail. Raises RuntimeError, or what the client raises."""
    token = os.environ.get("ROOKERY_ACCESS_TOKEN", "")
    tenant, agent_id, token_id = claims_of(token)
    client = Client()

    async def hear(_error: Exception) -> None:
        """The client keeps it, and would log it with a traceback."""

    try:
        await client.connect(
            os.environ.get("ROOKERY_NATS_URL", "nats://127.0.0.1:4222"),
            user=agent_id,
            password=token,
            inbox_prefix=f"_INBOX.{agent_id}.{token_id}".encode(),
            allow_reconnect=False,  # with this token; when it expires, another is needed
            max_reconnect_attempts=1,  # so often is an address without a server tried again
            error_cb=hear,
        )
        agent = NatsAgent(client, token, f"rk.{tenant}.agent.{agent_id}")
        answer = await agent.call("AgentService.RegisterAgent", {"name": name, "leaseDuration": "600s"})
        await answer_mail(agent, answer["agent"]["sessionEpoch"])
    except NatsError as error:
        # What the server said when it ended the connection tells more than that it has ended.
        told = str(client.last_error or error)
        raise RuntimeError(NOT_LET_IN if "authorization violation" in told.lower() else told) from None
    finally:
        if client.is_connected:
            await client.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        asyncio.run(main(sys.argv[1]))
    except (RuntimeError, OSError) as error:
        sys.exit(f"agent {sys.argv[1]}: {error}")
