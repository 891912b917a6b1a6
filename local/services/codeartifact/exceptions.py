"""Error codes of CodeArtifact; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class AccessDeniedException(ServiceException):
    """A permission is missing that the token needs."""

    code = "AccessDeniedException"


class ConflictException(ServiceException):
    """The resource exists, or something is in it."""

    code = "ConflictException"


class ResourceNotFoundException(ServiceException):
    """There is no such domain, repository or package."""

    code = "ResourceNotFoundException"


class ValidationException(ServiceException):
    """The request is malformed."""

    code = "ValidationException"
