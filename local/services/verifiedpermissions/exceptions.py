"""Error codes of Verified Permissions."""

from moto.core.exceptions import ServiceException


class ValidationException(ServiceException):
    code = "ValidationException"


class ConflictException(ServiceException):
    code = "ConflictException"
    resources: tuple[object, ...] = ()


class InvalidStateException(ServiceException):
    code = "InvalidStateException"


class ResourceNotFoundException(ServiceException):
    """No resource has that id. The message names the kind (`POLICY_STORE`, `POLICY`, ...)."""

    code = "ResourceNotFoundException"

    def __init__(self, kind: str, resource_id: str) -> None:
        super().__init__(f"{kind} {resource_id} is not found")
        self.resourceType, self.resourceId = kind, resource_id
