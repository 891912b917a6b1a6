"""Error codes of Access Analyzer; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class ValidationException(ServiceException):
    code = "ValidationException"
    reason = "fieldValidationFailed"


class ConflictException(ServiceException):
    """Something of that name exists."""

    code = "ConflictException"

    def __init__(self, kind: str, resource_id: str) -> None:
        super().__init__(f"The {kind} {resource_id} already exists.")
        self.resourceType, self.resourceId = kind, resource_id


class ResourceNotFoundException(ServiceException):
    """Nothing has that id; says which kind of thing was meant."""

    code = "ResourceNotFoundException"

    def __init__(self, kind: str, resource_id: str) -> None:
        super().__init__(f"The {kind} {resource_id} does not exist.")
        self.resourceType, self.resourceId = kind, resource_id


class ServiceQuotaExceededException(ServiceException):
    """The account has as many analyzers of the type as it may."""

    code = "ServiceQuotaExceededException"

    def __init__(self, kind: str, resource_id: str) -> None:
        super().__init__(f"The quota of analyzers of type {resource_id} is reached.")
        self.resourceType, self.resourceId = kind, resource_id
