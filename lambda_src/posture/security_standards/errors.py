"""Expected errors. Each message says what to do."""


class StandardsError(Exception):
    """Base of all expected errors."""


class InvalidRequest(StandardsError):
    """The function does not accept the event."""


class NotRead(StandardsError):
    """Security Hub did not return all automation rules, so that the suppressions are unknown. Nothing was changed."""


class NotUpdated(StandardsError):
    """Security Hub did not accept the update of some findings. The next run tries again."""
