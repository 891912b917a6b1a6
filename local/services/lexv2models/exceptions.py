"""Error codes of Lex V2; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class ValidationException(ServiceException):
    code = "ValidationException"


class ResourceNotFoundException(ServiceException):
    code = "ResourceNotFoundException"


class ConflictException(ServiceException):
    code = "ConflictException"


class PreconditionFailedException(ServiceException):
    code = "PreconditionFailedException"


class DependencyFailedException(ServiceException):
    """The code hook could not be called, failed, or answered what Lex does not take."""

    code = "DependencyFailedException"
