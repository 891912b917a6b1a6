"""Error codes of SSM Automation; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class AssociationDoesNotExist(ServiceException):
    code = "AssociationDoesNotExist"


class AutomationDefinitionNotFoundException(ServiceException):
    code = "AutomationDefinitionNotFoundException"


class AutomationDefinitionVersionNotFoundException(ServiceException):
    code = "AutomationDefinitionVersionNotFoundException"


class AutomationExecutionNotFoundException(ServiceException):
    code = "AutomationExecutionNotFoundException"


class InvalidAutomationExecutionParametersException(ServiceException):
    code = "InvalidAutomationExecutionParametersException"


class InvalidDocument(ServiceException):
    code = "InvalidDocument"


class InvalidFilterKey(ServiceException):
    code = "InvalidFilterKey"


class InvalidNextToken(ServiceException):
    code = "InvalidNextToken"


class ValidationException(ServiceException):
    code = "ValidationException"
