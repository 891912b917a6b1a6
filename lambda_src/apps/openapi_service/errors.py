"""What a caller can correct."""

from collections.abc import Iterable


class Refused(Exception):
    """A file that is not deployed. `reasons` says what is wrong and where, one sentence each."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = list(reasons)
        super().__init__("; ".join(self.reasons))
