"""What ends the stream of an agent."""

from rookery_kit.errors import Aborted, FailedPrecondition


class NotAnAgent(FailedPrecondition):
    """Only a token that was issued to an agent may open this stream."""

    reason = "NOT_AN_AGENT"

    def __init__(self, subject: str) -> None:
        super().__init__(f"{subject} is not an agent; enrol one and use its token")


class StreamProtocol(FailedPrecondition):
    """A frame came that may not come at this place."""

    reason = "STREAM_PROTOCOL"


class SessionSuperseded(Aborted):
    """A later session of the same agent has taken over."""

    reason = "SESSION_SUPERSEDED"

    def __init__(self) -> None:
        super().__init__("a later session of this agent has taken over")
