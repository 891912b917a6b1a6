"""Error codes of Application Auto Scaling; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class ValidationException(ServiceException):
    code = "ValidationException"


class ObjectNotFoundException(ServiceException):
    """No scalable target or policy has that name."""

    code = "ObjectNotFoundException"


class ResourceNotFoundException(ServiceException):
    """The tagged resource does not exist."""

    code = "ResourceNotFoundException"
