"""Page tokens (AIP-158): opaque to callers, bound to the listing that gave them out."""

import base64
import binascii
import hashlib
import json

from rookery_kit.errors import InvalidArgument

DEFAULT_PAGE_SIZE = 50


class InvalidPageToken(InvalidArgument):
    """The token was not given out for this listing with these filters."""

    reason = "INVALID_PAGE_TOKEN"


class PageToken:
    """The place at which a listing goes on: the sort keys of the last item answered."""

    @staticmethod
    def encode(listing: str, *keys: str) -> str:
        """A token for the place after `keys`. `listing` names the listing with its filters."""
        payload = json.dumps([_digest(listing), *keys], separators=(",", ":"))
        return base64.urlsafe_b64encode(payload.encode()).decode().rstrip("=")

    @staticmethod
    def decode(listing: str, token: str, *, keys: int = 1) -> tuple[str, ...] | None:
        """The `keys` sort keys in a token; None for the empty token. Raises InvalidPageToken."""
        if not token:
            return None
        try:
            values = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        except (binascii.Error, ValueError):
            values = None
        shaped = isinstance(values, list) and len(values) == keys + 1 and all(_is_text(value) for value in values)
        if not shaped or values[0] != _digest(listing):
            message = "the page token is not one of this listing; begin again without one"
            raise InvalidPageToken(message, (("page_token", message),))
        return tuple(values[1:])


def _is_text(value: object) -> bool:
    # A token can be forged, and Postgres takes neither NUL nor halves of surrogate pairs.
    return isinstance(value, str) and "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _digest(listing: str) -> str:
    return hashlib.sha256(listing.encode()).hexdigest()[:12]


def page_size(requested: int) -> int:
    """The size of a page: what was asked for, or the default."""
    return requested or DEFAULT_PAGE_SIZE
