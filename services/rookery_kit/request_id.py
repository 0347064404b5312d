"""Repeating a request under the same id (AIP-155)."""

from rookery_kit.errors import InvalidArgument


class RequestIdReused(InvalidArgument):
    """The request_id came before with another body."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self) -> None:
        text = "this request_id was used before with a different request"
        super().__init__(text, (("request_id", text),))
