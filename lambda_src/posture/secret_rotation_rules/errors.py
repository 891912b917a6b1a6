"""Expected errors."""


class InvalidRequest(Exception):
    """The function does not accept the event. The message says what to send instead."""
