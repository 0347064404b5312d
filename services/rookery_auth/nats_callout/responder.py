"""Answering the server's question who a connection is."""

import asyncio

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from rookery_kit.access_token import TokenVerifier
from rookery_kit.errors import RookeryError
from rookery_kit.nkeys import read_claims

from rookery_auth.nats_callout.claims import Answers, Question

_SUBJECT = "$SYS.REQ.USER.AUTH"
_QUEUE = "auth"
_AGENT = "agent"
_log = structlog.get_logger(__name__)


class CalloutResponder:
    """Verifies the access token that came as the password, as every service does. Replicas share the questions."""

    def __init__(self, client: Client, verifier: TokenVerifier, answers: Answers) -> None:
        self._client = client
        self._verifier = verifier
        self._answers = answers

    async def run(self) -> None:
        """Answers until cancelled; the subscription survives reconnects."""
        subscription = await self._client.subscribe(_SUBJECT, queue=_QUEUE, cb=self._take)
        try:
            await asyncio.Event().wait()
        finally:
            if self._client.is_connected:
                await subscription.unsubscribe()

    async def _take(self, message: Msg) -> None:
        try:
            question = Question.of(read_claims(message.data))
        except (ValueError, KeyError, TypeError, AttributeError):
            _log.warning("authorization request not understood")
            return
        try:
            await message.respond(await self._decide(question))
        except NatsError as error:
            _log.warning("authorization not answered", error=type(error).__name__)

    async def _decide(self, question: Question) -> bytes:
        try:
            # The keys are at hand in this process: one that was retired a moment ago counts no more.
            await self._verifier.refresh()
            principal = await self._verifier.verify(question.password)
        except RookeryError as error:
            _log.info("connection refused", reason=error.reason)
            return self._answers.refuse(question, error.reason)
        if principal.kind != _AGENT:
            _log.info("connection refused", reason="NOT_AN_AGENT", subject=principal.subject)
            return self._answers.refuse(question, "NOT_AN_AGENT")
        return self._answers.admit(question, principal)
