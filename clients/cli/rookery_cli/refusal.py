"""Why a command could not be done."""


class Refused(Exception):
    """The command was understood and could not be done. `reason` is a stable word; `hint` says what to do."""

    exit_code = 1

    def __init__(self, message: str, reason: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.hint = hint


class NotRunning(Refused):
    """There is no suite to talk to."""

    def __init__(self, where: str) -> None:
        super().__init__(f"the suite is not running ({where}); start it with `rookery up`", "")


class Misused(Refused):
    """The command line makes no sense in a way its parser cannot see."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, "", hint)
