"""Expected errors."""


class RotationError(Exception):
    """Base class of the expected errors."""


class NotEnoughTime(RotationError):
    """The function would time out before the report is complete. A partial report is never written."""


class UnknownKey(RotationError):
    """The key does not exist in this account and Region."""


class InvalidRequest(RotationError):
    """The event is not valid."""


class RotationUncertain(RotationError):
    """KMS neither confirmed nor refused the rotation, and the key shows no new rotation."""
