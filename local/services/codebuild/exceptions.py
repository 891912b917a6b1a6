"""Error codes of CodeBuild; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class InvalidInputException(ServiceException):
    code = "InvalidInputException"


class ResourceAlreadyExistsException(ServiceException):
    """A project or report group of that name exists."""

    code = "ResourceAlreadyExistsException"


class ResourceNotFoundException(ServiceException):
    """No project, build or report group has that name."""

    code = "ResourceNotFoundException"
