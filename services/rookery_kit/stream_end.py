"""How a stream's handler tells why it is cancelled."""

ENDED_BY_SERVICE = "the service ends the stream"
"""The message of a cancellation by the service itself; one without it means that the caller is gone."""
