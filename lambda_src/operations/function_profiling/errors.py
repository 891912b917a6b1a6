"""What can go wrong, by name."""


class NothingRead(Exception):
    """No profiling group could be read. The message has the reason for each."""
