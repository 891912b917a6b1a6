"""Error codes of AWS Config that moto lacks; the HTTP status of each is the service model's."""

from moto.core.exceptions import ServiceException


class InsufficientDeliveryPolicyException(ServiceException):
    code = "InsufficientDeliveryPolicyException"


class InsufficientPermissionsException(ServiceException):
    code = "InsufficientPermissionsException"


class InvalidNextTokenException(ServiceException):
    code = "InvalidNextTokenException"


class InvalidParameterValueException(ServiceException):
    code = "InvalidParameterValueException"


class InvalidResultTokenException(ServiceException):
    code = "InvalidResultTokenException"


class InvalidRoleException(ServiceException):
    code = "InvalidRoleException"


class LimitExceededException(ServiceException):
    code = "LimitExceededException"


class NoAvailableConfigurationRecorderException(ServiceException):
    code = "NoAvailableConfigurationRecorderException"


class NoAvailableOrganizationException(ServiceException):
    code = "NoAvailableOrganizationException"


class NoSuchBucketException(ServiceException):
    code = "NoSuchBucketException"


class NoSuchConfigRuleException(ServiceException):
    code = "NoSuchConfigRuleException"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The ConfigRule '{name}' provided in the request is invalid. Please check the configRule name"
        )


class NoSuchConfigurationAggregatorException(ServiceException):
    code = "NoSuchConfigurationAggregatorException"


class NoSuchOrganizationConfigRuleException(ServiceException):
    code = "NoSuchOrganizationConfigRuleException"


class NoSuchRemediationConfigurationException(ServiceException):
    code = "NoSuchRemediationConfigurationException"


class NoSuchRemediationExceptionException(ServiceException):
    code = "NoSuchRemediationExceptionException"


class OrganizationAccessDeniedException(ServiceException):
    code = "OrganizationAccessDeniedException"


class RemediationInProgressException(ServiceException):
    code = "RemediationInProgressException"


class ResourceInUseException(ServiceException):
    code = "ResourceInUseException"


class ResourceNotDiscoveredException(ServiceException):
    code = "ResourceNotDiscoveredException"


class ValidationException(ServiceException):
    code = "ValidationException"
