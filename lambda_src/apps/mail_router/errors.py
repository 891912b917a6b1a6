"""What can go wrong, by name."""


class Uncertain(Exception):
    """SES may have accepted this mail before: its confirmation, or the end of the wait for it, decides later."""


class Refused(Exception):
    """SES refused the mail, and the notice about it too. The message has SES's code."""


class Gone(Exception):
    """The mail's object does not exist any more."""


class AnotherRuleSetIsActive(Exception):
    """Activating this rule set would end another one's mail. The message says what to set."""


class NotAnEvent(Exception):
    """A message of the queue is neither a mail that arrived nor a report of SES."""
