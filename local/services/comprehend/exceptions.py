"""Error codes of Comprehend; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class InvalidRequestException(ServiceException):
    code = "InvalidRequestException"


class TextSizeLimitExceededException(ServiceException):
    code = "TextSizeLimitExceededException"


class ValidationException(ServiceException):
    code = "ValidationException"


class ResourceInUseException(ServiceException):
    code = "ResourceInUseException"


class ResourceUnavailableException(ServiceException):
    code = "ResourceUnavailableException"


class UnsupportedLanguageException(ServiceException):
    code = "UnsupportedLanguageException"
