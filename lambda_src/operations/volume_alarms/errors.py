"""Errors of the function. Their names say what is wrong; their messages say what to do."""


class InvalidRequest(Exception):
    """The event is none that the function knows. It fails again, so it is not retried usefully."""


class Incomplete(Exception):
    """Parts of a run failed. The message names them; everything else was done and the report says so."""


class Unreadable(Exception):
    """CloudWatch did not read a metric's values. Without them, no drive may be taken for gone."""


class Unfinished(Exception):
    """The time ran out before all alarms were written. The next attempt continues."""
