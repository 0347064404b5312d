"""The one error of this package."""

from rookery_kit.errors import InvalidArgument


class InvalidFilter(InvalidArgument):
    """The filter cannot be read, or asks for what the listing cannot be filtered by.

    `position` counts characters of the filter from 1.
    """

    reason = "INVALID_FILTER"

    def __init__(self, position: int, fault: str) -> None:
        text = f"at character {position}: {fault}"
        super().__init__(f"filter: {text}", (("filter", text),), position=str(position))
