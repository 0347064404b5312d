"""Where agents call methods over NATS. The broker lets an agent use its own subjects only."""

from dataclasses import dataclass

from rookery_kit.bus.subjects import PREFIX

_CALL_TOKENS = 7


@dataclass(frozen=True, slots=True)
class CalledMethod:
    """What a subject says: who calls, and which method; `service` and `method` without their package."""

    tenant: str
    agent_id: str
    service: str
    method: str

    @property
    def subject_of_agent(self) -> str:
        """The subject of the tokens that may call here."""
        return f"agent:{self.agent_id}"


def short_name(service: str) -> str:
    """The name of a service without its package, as it stands in subjects."""
    return service.rpartition(".")[2]


def call_subject(tenant: str, agent_id: str, service: str, method: str) -> str:
    """Where an agent calls a method; `*` works in every place."""
    return f"{PREFIX}.{tenant}.agent.{agent_id}.call.{short_name(service)}.{method}"


def stream_id(token_id: str, name: str) -> str:
    """The id of a stream that was opened with a token; `*` as its name stands for all of them."""
    return f"{token_id}.{name}"


def stream_subject(tenant: str, agent_id: str, stream: str) -> str:
    """Where an agent sends the further frames of the stream with an id."""
    return f"{PREFIX}.{tenant}.agent.{agent_id}.stream.{stream}"


def inbox_prefix(agent_id: str, token_id: str) -> str:
    """What the subjects begin with to which a connection may listen, and to which its answers go."""
    return f"_INBOX.{agent_id}.{token_id}."


def is_inbox(subject: str, agent_id: str) -> bool:
    """Whether a subject is in the inbox of any of an agent's connections."""
    return subject.startswith(f"_INBOX.{agent_id}.")


def called_method(subject: str) -> CalledMethod | None:
    """Reads a subject; None: it is no call."""
    tokens = subject.split(".")
    if len(tokens) != _CALL_TOKENS or (tokens[0], tokens[2], tokens[4]) != (PREFIX, "agent", "call"):
        return None
    return CalledMethod(tokens[1], tokens[3], tokens[5], tokens[6])
