"""Error codes of X-Ray; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class InvalidRequestException(ServiceException):
    """The request is malformed, or names what does not exist."""

    code = "InvalidRequestException"


class RuleLimitExceededException(ServiceException):
    """The account has its maximum number of sampling rules in the Region."""

    code = "RuleLimitExceededException"


class ResourceNotFoundException(ServiceException):
    """The resource that a tag is for does not exist."""

    code = "ResourceNotFoundException"
