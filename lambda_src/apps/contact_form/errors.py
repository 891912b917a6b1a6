"""Errors that the functions of contact_form raise. Step Functions reports the class's name as the error."""


class RequestConflict(Exception):
    """A request key was used again with another message: no second ticket, and no look at the first one."""


class NoFreeTicketId(Exception):
    """Each ticket ID that was tried belongs to another ticket."""


class NotATicket(Exception):
    """An input or item does not have the shape of a ticket."""
