"""What a change names of the state it was decided on (AIP-154)."""

from rookery_kit.errors import Aborted


class EtagMismatch(Aborted):
    """The resource is no longer what the caller read."""

    reason = "ETAG_MISMATCH"

    def __init__(self, current: str) -> None:
        super().__init__("the etag is not the current one: read again and repeat", current_etag=current)


def etag_of(revision: int) -> str:
    """A revision as callers see it: a text without a meaning of its own."""
    return f"r{revision:x}"


def require_etag(given: str, revision: int) -> None:
    """Raises EtagMismatch unless the etag given is empty or that of the revision."""
    if given and given != etag_of(revision):
        raise EtagMismatch(etag_of(revision))
