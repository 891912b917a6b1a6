"""Expected errors; each message says what is wrong with which record, without its content."""


class NotAStreamEvent(Exception):
    """The function was called with something that is not a batch of Kinesis records."""


class Unreadable(Exception):
    """A record that cannot be read, today or later."""


class TooLarge(Exception):
    """A record that does not fit into an item of DynamoDB."""


class NotKept(Exception):
    """DynamoDB has not taken a record after all retries."""
