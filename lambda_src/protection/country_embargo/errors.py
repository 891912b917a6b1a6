"""Expected errors. After each of them, AWS WAF still enforces the last valid document."""


class EmbargoError(Exception):
    """Base class of the expected errors."""


class InvalidDocument(EmbargoError):
    """The document cannot be enforced. `problems` has at least one sentence; each names the place in the document."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("Nothing was changed, because the embargo document is not valid: " + " ".join(problems))


class DocumentMissing(EmbargoError):
    """The document is not in the bucket."""


class Overtaken(EmbargoError):
    """Another call has accepted a document in the meantime. Read again."""


class Contended(EmbargoError):
    """Other principals kept changing the rule group, an IP set or the document; a later attempt can succeed."""
