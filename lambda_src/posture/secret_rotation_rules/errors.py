"""What can go wrong as expected."""


class InvalidRequest(Exception):
    """The event is not one this function takes; the message says what it should have been."""
