"""Error codes of QuickSight; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class InvalidParameterValueException(ServiceException):
    code = "InvalidParameterValueException"


class ResourceNotFoundException(ServiceException):
    """Nothing of the kind has that id."""

    code = "ResourceNotFoundException"


class ResourceExistsException(ServiceException):
    """The id is taken."""

    code = "ResourceExistsException"
