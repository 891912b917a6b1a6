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
    """Nothing has that id; says which kind of thing (`POLICY_STORE`, `POLICY`, ...) was meant."""

    code = "ResourceNotFoundException"

    def __init__(self, kind: str, resource_id: str) -> None:
        super().__init__(f"{kind} {resource_id} is not found")
        self.resourceType, self.resourceId = kind, resource_id
