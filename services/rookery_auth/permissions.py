"""Sets of permissions, each `resource:action`, where either may be `*`."""

from collections.abc import Collection, Iterable

_EVERY = "*"


def permits(held: Iterable[str], permission: str) -> bool:
    """Whether one of the permissions held covers another; a wildcard is covered by one as wide only."""
    return any(covers(each, permission) for each in held)


def covers(wide: str, narrow: str) -> bool:
    """Whether everything that `narrow` permits is permitted by `wide`."""
    return _meet(wide, narrow) == narrow


def intersection(these: Collection[str], those: Collection[str]) -> frozenset[str]:
    """What both permit, and nothing else, in as few permissions as say it."""
    met = {both for one in these for other in those if (both := _meet(one, other)) is not None}
    return frozenset(each for each in met if not any(other != each and covers(other, each) for other in met))


def narrowed_to(permissions: Collection[str], scopes: Collection[str]) -> frozenset[str]:
    """What the permissions permit within the scopes; without scopes, all of it."""
    return intersection(permissions, scopes) if scopes else frozenset(permissions)


def _meet(one: str, other: str) -> str | None:
    """The widest permission that both cover; None where they have nothing in common."""
    (resource, _, action), (other_resource, _, other_action) = one.partition(":"), other.partition(":")
    met_resource, met_action = _narrower(resource, other_resource), _narrower(action, other_action)
    return None if met_resource is None or met_action is None else f"{met_resource}:{met_action}"


def _narrower(one: str, other: str) -> str | None:
    if one in {other, _EVERY}:
        return other
    return one if other == _EVERY else None
