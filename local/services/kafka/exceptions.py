"""Error codes of MSK; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class BadRequestException(ServiceException):
    """A request that is malformed, or that the state of a resource does not allow."""

    code = "BadRequestException"


class ConflictException(ServiceException):
    """A cluster of that name exists."""

    code = "ConflictException"


class NotFoundException(ServiceException):
    """No resource has that ARN."""

    code = "NotFoundException"
