"""Errors of the function. Their names say what is wrong; their messages say what to do."""


class InvalidRequest(Exception):
    """The event is none that the function knows. It fails again, so it is not retried usefully."""


class InvalidSettings(Exception):
    """The settings that Terraform has written cannot be read. The message names the part."""


class Incomplete(Exception):
    """Parts of a run failed. The message names them; everything else was done and the report says so."""


class Unfinished(Exception):
    """The time ran out before all alarms were written. The next attempt continues."""
