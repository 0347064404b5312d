"""The names on the bus, in one place."""

PREFIX = "rk"
PRIORITIES = ("high", "normal", "low")

MESSAGE_ID_HEADER = "Nats-Msg-Id"
TRACEPARENT_HEADER = "traceparent"


def mail_subject(tenant: str, agent_id: str, priority: str) -> str:
    """Where an agent's mail of one priority goes; `*` for all priorities."""
    return f"{PREFIX}.{tenant}.mail.{agent_id}.{priority}"


def event_subject(tenant: str, kind: str, resource_id: str) -> str:
    """Where events about one resource go; `*` works in every place."""
    return f"{PREFIX}.{tenant}.event.{kind}.{resource_id}"


def dead_letter_subject(tenant: str, agent_id: str) -> str:
    """Where an agent's dead letters go."""
    return f"{PREFIX}.{tenant}.dlq.{agent_id}"
