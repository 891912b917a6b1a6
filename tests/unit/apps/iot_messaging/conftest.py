"""AWS clients with prepared answers, which count the calls."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from botocore import exceptions
from botocore.exceptions import ClientError


class Exceptions:
    """A client's classes of errors."""

    ClientError = exceptions.ClientError

    class ConditionalCheckFailedException(exceptions.ClientError):
        """The condition does not hold."""

    class ResourceNotFoundException(exceptions.ClientError):
        """It does not exist."""


def failure(code: str, status: int = 400) -> ClientError:
    """Return the error that boto3 raises for a code."""
    response: Any = {"Error": {"Code": code, "Message": "secret"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    kind: type[ClientError] = getattr(Exceptions, code, ClientError)
    return kind(response, "operation")


class Client:
    """A client whose operations return, or raise, prepared answers. The last answer of an operation is repeated."""

    exceptions = Exceptions

    def __init__(self, **answers: Any) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._answers = {name: list(a) if isinstance(a, list) else [a] for name, a in answers.items()}

    def __getattr__(self, name: str) -> Any:
        answers = self._answers[name]

        def operation(**arguments: Any) -> Any:
            self.calls.append((name, arguments))
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return operation

    @property
    def called(self) -> list[str]:
        return [name for name, _ in self.calls]


CONTEXT = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 10_000)
