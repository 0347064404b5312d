"""Page tokens of listings that go by time and id."""

from datetime import datetime
from uuid import UUID

from rookery_kit.postgres.paging import InvalidPageToken, PageToken


def encode_place(listing: str, create_time: datetime, item_id: str) -> str:
    """The token of the place after an item."""
    return PageToken.encode(listing, create_time.isoformat(), item_id)


def decode_place(listing: str, token: str) -> tuple[datetime, str] | None:
    """The time and the id in a token; None for the empty one. Raises InvalidPageToken."""
    keys = PageToken.decode(listing, token, keys=2)
    if keys is None:
        return None
    try:
        moment = datetime.fromisoformat(keys[0])
        if moment.tzinfo is None:
            raise ValueError(keys[0])
        return moment, str(UUID(keys[1]))
    except ValueError:
        message = "the page token is not one of this listing; begin again without one"
        raise InvalidPageToken(message, (("page_token", message),)) from None
