"""Error codes of Comprehend; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class InvalidRequestException(ServiceException):
    code = "InvalidRequestException"


class TextSizeLimitExceededException(ServiceException):
    code = "TextSizeLimitExceededException"


class ValidationException(ServiceException):
    code = "ValidationException"


class ResourceNotFoundException(ServiceException):
    code = "ResourceNotFoundException"


class UnsupportedLanguageException(ServiceException):
    code = "UnsupportedLanguageException"
