"""What can go wrong and is expected; each message says what to do."""


class RotationError(Exception):
    """Base of all of them."""


class NotEnoughTime(RotationError):
    """The function would be ended before the report is complete; no part of a report is ever kept."""


class UnknownKey(RotationError):
    """KMS knows no such key in this account and Region."""


class InvalidRequest(RotationError):
    """The event is not what the function takes."""


class RotationUncertain(RotationError):
    """KMS answered neither yes nor no, and the key shows no new rotation."""
