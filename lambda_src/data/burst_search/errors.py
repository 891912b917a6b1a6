"""Expected errors; each message says what to do."""


class RequestRefused(Exception):
    """The job's input, or what it would take, is not allowed. Another attempt fails again."""


class JobMissing(Exception):
    """The table has no job of this name: it was never planned, or it has expired."""


class Unavailable(Exception):
    """A service throttles or fails after all retries. Another attempt can succeed."""
