"""A message as it is posted."""

from typing import NamedTuple

from rookery_kit.bus import Publication


class Letter(NamedTuple):
    """A message as it is published, and its entry for the audit trail.

    `publication.message_id` names it among all of the stream. `awaited`: its sender sends nothing more before it has an
    answer, as far as is known.
    """

    tenant: str
    publication: Publication
    trail: bytes
    awaited: bool = False
