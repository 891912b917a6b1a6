"""Error codes of Service Quotas; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class IllegalArgumentException(ServiceException):
    code = "IllegalArgumentException"


class InvalidPaginationTokenException(ServiceException):
    code = "InvalidPaginationTokenException"


class NoSuchResourceException(ServiceException):
    code = "NoSuchResourceException"


class ResourceAlreadyExistsException(ServiceException):
    code = "ResourceAlreadyExistsException"
