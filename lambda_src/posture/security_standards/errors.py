"""Expected errors. Each message says what to do."""


class StandardsError(Exception):
    """Base of all expected errors."""


class InvalidRequest(StandardsError):
    """The function does not accept the event."""


class NotUpdated(StandardsError):
    """Security Hub did not accept the update of some findings. The next run tries again."""
