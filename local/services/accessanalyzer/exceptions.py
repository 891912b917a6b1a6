"""Error codes of Access Analyzer; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class ValidationException(ServiceException):
    code = "ValidationException"
    reason = "fieldValidationFailed"


class ConflictException(ServiceException):
    """A resource of that name exists."""

    code = "ConflictException"

    def __init__(self, kind: str, resource_id: str) -> None:
        super().__init__(f"The {kind} {resource_id} already exists.")
        self.resourceType, self.resourceId = kind, resource_id


class ResourceNotFoundException(ServiceException):
    """No resource has that id. The message names the kind of resource."""

    code = "ResourceNotFoundException"

    def __init__(self, kind: str, resource_id: str) -> None:
        super().__init__(f"The {kind} {resource_id} does not exist.")
        self.resourceType, self.resourceId = kind, resource_id


class ServiceQuotaExceededException(ServiceException):
    """The account has its maximum number of analyzers of the type."""

    code = "ServiceQuotaExceededException"

    def __init__(self, kind: str, resource_id: str) -> None:
        super().__init__(f"The quota of analyzers of type {resource_id} is reached.")
        self.resourceType, self.resourceId = kind, resource_id
