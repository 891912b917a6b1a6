"""Error codes of Security Hub; the HTTP status of each is the service model's."""

from moto.securityhub.exceptions import SecurityHubClientError


class InvalidInputException(SecurityHubClientError):
    code = "InvalidInputException"


class InvalidAccessException(SecurityHubClientError):
    """Security Hub is not enabled, or the account may not do this (HTTP 401)."""

    code = "InvalidAccessException"


class LimitExceededException(SecurityHubClientError):
    code = "LimitExceededException"


class ResourceConflictException(SecurityHubClientError):
    code = "ResourceConflictException"


class ResourceNotFoundException(SecurityHubClientError):
    code = "ResourceNotFoundException"
