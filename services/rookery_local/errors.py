"""Why the suite cannot run, in words for the person who started it."""


class CannotStart(Exception):
    """A part cannot be started. The message is one line and says what to do where that is known."""
