"""Ids of effects that come out the same when a task is executed again."""

import hashlib
from collections import Counter
from uuid import UUID, uuid5


class EffectIds:
    """Numbers the effects of one task or message.

    The id of an effect follows from the task, what the effect is, and how many equal ones came before it. It does not
    depend on the attempt, nor on the order among different effects. So a handler that runs again after a crash asks for
    the effects it already had under the ids they already have, and the services answer what was recorded.
    """

    def __init__(self, origin: UUID) -> None:
        self._origin = origin
        self._seen: Counter[str] = Counter()

    def next(self, kind: str, *parts: bytes) -> str:
        """The id of the next effect of this kind and content, a UUID."""
        digest = hashlib.sha256()
        for part in (kind.encode(), *parts):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        key = digest.hexdigest()
        self._seen[key] += 1
        return str(uuid5(self._origin, f"{key}:{self._seen[key]}"))
