"""Expected errors; each message says what to do, or what became of a document."""


class RequestRefused(Exception):
    """The input of a batch is not allowed. Another attempt fails again."""


class DocumentRefused(Exception):
    """A document that no attempt can process. `reason` is one word for its row, the message says more."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason, self.detail = reason, detail


class PageFailed(Exception):
    """A page that no attempt can process; the others of its document go on. `reason` is one word for its row."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason, self.detail = reason, detail


class Unavailable(Exception):
    """A service throttles, fails or denies after all retries. Another attempt can succeed."""
