"""The names on the bus, in one place."""

PREFIX = "rk"

MESSAGE_ID_HEADER = "Nats-Msg-Id"
TRACEPARENT_HEADER = "traceparent"
TIME_TO_LIVE_HEADER = "Nats-TTL"

RATE_USAGE_SUBJECT = f"{PREFIX}.usage"
"""Where processes tell each other which requests they admitted. No stream keeps it."""

IDENTITY_SUBJECTS = f"{PREFIX}.*.identity.>"
IDENTITY_BEAT = "beat"
IDENTITY_REVOCATION = "revocation"
IDENTITY_TENANT = "tenant"


def mail_subject(tenant: str, agent_id: str, priority: str) -> str:
    """Where an agent's mail of one priority goes; `*` for all priorities."""
    return f"{PREFIX}.{tenant}.mail.{agent_id}.{priority}"


def event_subject(tenant: str, kind: str, resource_id: str) -> str:
    """Where events about one resource go; `*` works in every place."""
    return f"{PREFIX}.{tenant}.event.{kind}.{resource_id}"


def topic_subject(tenant: str, topic_id: str) -> str:
    """Where what is published to a topic is kept for those who watch it."""
    return f"{PREFIX}.{tenant}.topic.{topic_id}"


def reply_subject(tenant: str, replier_id: str, address: str) -> str:
    """Where the answer goes that one agent alone may give to one request."""
    return f"{PREFIX}.{tenant}.reply.{replier_id}.{address}"


def dead_letter_subject(tenant: str, agent_id: str) -> str:
    """Where an agent's dead letters go."""
    return f"{PREFIX}.{tenant}.dlq.{agent_id}"


def attempt_subject(tenant: str, agent_id: str, place: int | None = None) -> str:
    """Where the failed deliveries of one piece of mail are kept, by its place in the stream of mail; None: of all."""
    return f"{PREFIX}.{tenant}.attempt.{agent_id}.{'*' if place is None else place}"


def trail_subject(tenant: str, trail_id: str) -> str:
    """Where what the audit trail is to take down goes, each piece under a subject of its own."""
    return f"{PREFIX}.{tenant}.trail.{trail_id}"


def revocation_subject(tenant: str, revocation_id: str) -> str:
    """Where auth says that tokens are refused; one subject for each revocation."""
    return f"{PREFIX}.{tenant}.identity.{IDENTITY_REVOCATION}.{revocation_id}"


def standing_subject(tenant: str) -> str:
    """Where auth says how a tenant stands."""
    return f"{PREFIX}.{tenant}.identity.{IDENTITY_TENANT}"


def beat_subject() -> str:
    """Where auth says that it is there."""
    return f"{PREFIX}.default.identity.{IDENTITY_BEAT}"


def identity_kind(subject: str) -> str:
    """What a message of the identity stream is: IDENTITY_BEAT, IDENTITY_REVOCATION or IDENTITY_TENANT."""
    return subject.split(".")[3]
