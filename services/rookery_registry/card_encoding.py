"""An agent's card as protobuf."""

from collections.abc import Mapping, Sequence

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct
from rookery.registry.v1 import agent_pb2, agent_service_pb2
from rookery_kit.errors import InvalidArgument

from rookery_registry.card import AgentCard, AgentSkill, CardUpdate

# An agent travels whole in each of its events, so what it says of itself is bounded; the depth because readers of
# protobuf give up at 100 messages within each other, and a level of a Struct is three.
_MAX_CONFIG_BYTES = 16 * 1024
_MAX_CONFIG_DEPTH = 16


def encode_skill(skill: AgentSkill) -> agent_pb2.AgentSkill:
    """A skill on the wire."""
    return agent_pb2.AgentSkill(id=skill.id, name=skill.name, description=skill.description, tags=skill.tags)


def encode_config(config: Mapping[str, object]) -> Struct | None:
    """A configuration on the wire; unset where there is none."""
    return ParseDict(dict(config), Struct()) if config else None


def decode_card(request: agent_service_pb2.RegisterAgentRequest) -> AgentCard:
    """The card in a registration. Raises InvalidArgument."""
    return AgentCard(
        type=request.type,
        version=request.version,
        endpoint=request.endpoint,
        skills=_decode_skills(request.skills),
        config=_decode_config(request.config),
    )


def decode_card_update(request: agent_service_pb2.UpdateAgentRequest, named: set[str]) -> CardUpdate:
    """New values of those parts that the mask names. Raises InvalidArgument."""
    return CardUpdate(
        type=request.type if "type" in named else None,
        version=request.version if "version" in named else None,
        endpoint=request.endpoint if "endpoint" in named else None,
        skills=_decode_skills(request.skills) if "skills" in named else None,
        config=_decode_config(request.config) if "config" in named else None,
    )


def _decode_skills(skills: Sequence[agent_pb2.AgentSkill]) -> tuple[AgentSkill, ...]:
    return tuple(AgentSkill(skill.id, skill.name, skill.description, tuple(skill.tags)) for skill in skills)


def _decode_config(config: Struct) -> Mapping[str, object]:
    size = config.ByteSize()
    if size > _MAX_CONFIG_BYTES:
        raise _invalid(f"takes {size} bytes; at most {_MAX_CONFIG_BYTES} are accepted")
    try:
        decoded: dict[str, object] = MessageToDict(config)
    except ValueError:
        raise _invalid("a number in it is not finite") from None
    if _depth(decoded) > _MAX_CONFIG_DEPTH:
        raise _invalid(f"is nested more than {_MAX_CONFIG_DEPTH} deep")
    return decoded


def _depth(value: object) -> int:
    match value:
        case dict():
            return 1 + max(map(_depth, value.values()), default=0)
        case list():
            return 1 + max(map(_depth, value), default=0)
        case _:
            return 0


def _invalid(fault: str) -> InvalidArgument:
    return InvalidArgument(f"config: {fault}", (("config", fault),))
