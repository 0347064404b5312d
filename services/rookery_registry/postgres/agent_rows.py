"""An agent out of a row of `agents` with `live` beside its columns."""

import json
from dataclasses import asdict
from typing import Any

from asyncpg import Record

from rookery_registry.card import AgentCard, AgentSkill, CardUpdate
from rookery_registry.model import Agent


def agent_of(row: Record) -> Agent:
    """The agent of a row."""
    return Agent(
        id=str(row["id"]),
        tenant=row["tenant"],
        name=row["name"],
        subject=row["subject"],
        description=row["description"],
        capabilities=tuple(row["capabilities"]),
        labels=json.loads(row["labels"]),
        online=row["live"],
        session_epoch=row["session_epoch"],
        lease_duration=row["lease_duration"],
        lease_expire_time=row["lease_expire_time"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        revision=row["revision"],
        draining=row["draining"],
        card=AgentCard(
            type=row["type"],
            version=row["version"],
            endpoint=row["endpoint"],
            skills=tuple(_skill_of(skill) for skill in json.loads(row["skills"])),
            config=json.loads(row["config"]),
        ),
    )


def card_columns(card: AgentCard | CardUpdate) -> tuple[str | None, ...]:
    """The values of `type`, `version`, `endpoint`, `skills` and `config`; None where an update leaves one."""
    skills = None if card.skills is None else to_json([asdict(skill) for skill in card.skills])
    config = None if card.config is None else to_json(card.config)
    return card.type, card.version, card.endpoint, skills, config


def to_json(value: object) -> str:
    """A value for a column of type jsonb."""
    return json.dumps(value, ensure_ascii=False)


def _skill_of(stored: dict[str, Any]) -> AgentSkill:
    return AgentSkill(stored["id"], stored["name"], stored["description"], tuple(stored["tags"]))
