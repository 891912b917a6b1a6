"""Error codes of CodeGuru Profiler; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class ValidationException(ServiceException):
    code = "ValidationException"


class ConflictException(ServiceException):
    """A group of that name exists."""

    code = "ConflictException"


class ResourceNotFoundException(ServiceException):
    """No group has that name."""

    code = "ResourceNotFoundException"


class ServiceQuotaExceededException(ServiceException):
    """The account has its maximum number of groups in the Region."""

    code = "ServiceQuotaExceededException"
