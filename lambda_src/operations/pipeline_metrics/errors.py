"""Expected errors; each message says what to do."""

from common.aws_errors import Failure, Kind


class NotAnEvent(Exception):
    """The message is neither an event of CodePipeline nor one of a CloudWatch alarm that is set as an incident."""


class HistoryDenied(Exception):
    """A policy denies reading the history of an account and Region. Another attempt fails until it is changed."""


class PipelineGone(Exception):
    """The pipeline was deleted after it had been listed."""


class Throttled(Exception):
    """CodePipeline still throttled the call after all retries. The state machine tries again later."""


class Unavailable(Exception):
    """CodePipeline still failed after all retries. The state machine tries again later."""


class QueryFailed(Exception):
    """Athena could not run a query of the report. The message has Athena's reason."""


HISTORY_ERRORS = (HistoryDenied, PipelineGone, Throttled, Unavailable)


def of_history(where: str, action: str, failure: Failure) -> Exception | None:
    """Return the typed error for a call that reads CodePipeline's history, or None for others."""
    if failure.kind is Kind.DENIED:
        return HistoryDenied(
            f"{where} denies {action} ({failure.code}); allow it to the role that reads there "
            "(the output member_policy has the statements)."
        )
    if failure.code == "PipelineNotFoundException" or failure.kind is Kind.GONE:
        return PipelineGone(f"The pipeline no longer exists in {where}.")
    if failure.kind is Kind.THROTTLED:
        return Throttled(f"CodePipeline throttles {action} in {where} ({failure.code}).")
    if failure.transient:
        return Unavailable(f"CodePipeline fails {action} in {where} ({failure.code}).")
    return None
