"""What can go wrong and is expected; each message says what to do."""


class StandardsError(Exception):
    """Base of all of them."""


class InvalidRequest(StandardsError):
    """The event is not what the function takes."""


class NotUpdated(StandardsError):
    """Security Hub did not take the update of some findings; the next run tries again."""
