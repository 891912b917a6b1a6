"""Error codes of CodePipeline; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class ValidationException(ServiceException):
    code = "ValidationException"


class PipelineNotFoundException(ServiceException):
    """No pipeline has that name."""

    code = "PipelineNotFoundException"


class InvalidNextTokenException(ServiceException):
    """The token is not valid, has expired, or belongs to another request."""

    code = "InvalidNextTokenException"
