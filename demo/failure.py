"""Why a run of the demo is not in order."""


class DemoFailed(Exception):
    """Something did not hold. The message is one line that says what."""
