"""Error codes of CodePipeline; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class ValidationException(ServiceException):
    code = "ValidationException"


class InvalidStructureException(ServiceException):
    """A pipeline that cannot run."""

    code = "InvalidStructureException"


class PipelineNameInUseException(ServiceException):
    """A pipeline of that name exists."""

    code = "PipelineNameInUseException"


class PipelineNotFoundException(ServiceException):
    """No pipeline has that name."""

    code = "PipelineNotFoundException"


class PipelineExecutionNotFoundException(ServiceException):
    """The pipeline has no such execution."""

    code = "PipelineExecutionNotFoundException"


class PipelineExecutionNotStoppableException(ServiceException):
    """The execution has ended."""

    code = "PipelineExecutionNotStoppableException"


class StageNotFoundException(ServiceException):
    """The pipeline has no such stage."""

    code = "StageNotFoundException"


class ActionNotFoundException(ServiceException):
    """The stage has no such action."""

    code = "ActionNotFoundException"


class InvalidApprovalTokenException(ServiceException):
    """The token is not that of the approval that waits."""

    code = "InvalidApprovalTokenException"


class ApprovalAlreadyCompletedException(ServiceException):
    """The approval has been answered, or it is too late."""

    code = "ApprovalAlreadyCompletedException"


class ResourceNotFoundException(ServiceException):
    """No pipeline has that ARN."""

    code = "ResourceNotFoundException"


class InvalidNextTokenException(ServiceException):
    """The token is not valid, has expired, or belongs to another request."""

    code = "InvalidNextTokenException"
