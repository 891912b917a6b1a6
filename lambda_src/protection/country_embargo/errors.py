"""What can go wrong and is expected. Each leaves AWS WAF enforcing the last valid document."""


class EmbargoError(Exception):
    """Base of all of them; the message says what to do."""


class InvalidDocument(EmbargoError):
    """The document cannot be enforced. `problems` are sentences, each naming its place; one at least."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("Nothing was changed, since the embargo document is not valid: " + " ".join(problems))


class DocumentMissing(EmbargoError):
    """The document is not in the bucket."""


class Contended(EmbargoError):
    """Somebody else kept changing the rule group, an IP set or the document meanwhile; a later try can succeed."""
