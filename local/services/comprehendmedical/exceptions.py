"""Error codes of Comprehend Medical; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class InvalidRequestException(ServiceException):
    code = "InvalidRequestException"


class TextSizeLimitExceededException(ServiceException):
    code = "TextSizeLimitExceededException"
