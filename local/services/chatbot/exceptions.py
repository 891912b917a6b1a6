"""Error codes of Chatbot; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class ConflictException(ServiceException):
    code = "ConflictException"


class InvalidParameterException(ServiceException):
    code = "InvalidParameterException"


class InvalidRequestException(ServiceException):
    code = "InvalidRequestException"


class ResourceNotFoundException(ServiceException):
    code = "ResourceNotFoundException"
