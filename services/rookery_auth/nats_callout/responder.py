"""Answering the server's question who a connection is."""

import asyncio
import re

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from rookery_kit.access_token import TokenVerifier
from rookery_kit.clock import Clock
from rookery_kit.errors import RookeryError
from rookery_kit.identity import Principal
from rookery_kit.nkeys import read_claims
from rookery_kit.rate_limits.bucket import BucketKey
from rookery_kit.rate_limits.buckets import Buckets

from rookery_auth.nats_callout.claims import Answers, Question

_SUBJECT = "$SYS.REQ.USER.AUTH"
_QUEUE = "auth"
_AGENT = "agent"
# What stands in subjects, where other characters part tokens or stand for any.
_TOKEN_OF_SUBJECT = re.compile(r"[A-Za-z0-9_-]+")
# More than wait here are dropped: the server has given them up before their turn would come.
_MOST_QUESTIONS = 1024
_CONNECTIONS_PER_SECOND = 20
_MOST_REMEMBERED = 10_000
_log = structlog.get_logger(__name__)


class CalloutResponder:
    """Verifies the access token that came as the password, as every service does. Replicas share the questions.

    One question is answered after the other, and each agent is let in so many times a second at the most.
    """

    def __init__(self, client: Client, verifier: TokenVerifier, answers: Answers, clock: Clock) -> None:
        self._client = client
        self._verifier = verifier
        self._answers = answers
        self._clock = clock
        self._let_in = Buckets(_MOST_REMEMBERED)

    async def run(self) -> None:
        """Answers until cancelled; the subscription survives reconnects."""
        subscription = await self._client.subscribe(
            _SUBJECT, queue=_QUEUE, cb=self._take, pending_msgs_limit=_MOST_QUESTIONS
        )
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
            await message.respond(await self.answer(question))
        except NatsError as error:
            _log.warning("authorization not answered", error=type(error).__name__)

    async def answer(self, question: Question) -> bytes:
        """Who the connection is, or why it is kept out, signed for the server."""
        try:
            # The keys are at hand in this process: one that was retired a moment ago counts no more.
            await self._verifier.refresh()
            principal = await self._verifier.verify(question.password)
        except RookeryError as error:
            _log.info("connection refused", reason=error.reason)
            return self._answers.refuse(question, error.reason)
        if reason := self._why_not(principal):
            _log.info("connection refused", reason=reason, subject=principal.subject, actors=principal.actors)
            return self._answers.refuse(question, reason)
        return self._answers.admit(question, principal)

    def _why_not(self, principal: Principal) -> str:
        """Why the holder of a good token is kept out; empty when it is not."""
        if principal.kind != _AGENT:
            return "NOT_AN_AGENT"
        if principal.actors:
            # Who acts for an agent may call methods in its name, and is not the agent, whose inbox it would hear.
            return "ACTS_FOR_ANOTHER"
        names = (principal.tenant, principal.identifier, principal.token_id)
        if not all(_TOKEN_OF_SUBJECT.fullmatch(name) for name in names):
            return "NOT_A_SUBJECT"
        key: BucketKey = ("principal", principal.tenant, principal.subject)
        bucket = self._let_in.at(key, _CONNECTIONS_PER_SECOND, self._clock.monotonic())
        if bucket.level < 1:
            return "TOO_MANY_CONNECTIONS"
        bucket.charge(1)
        return ""
