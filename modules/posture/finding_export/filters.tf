# Attributes that GetFindings filters by, by kind.
# https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFindingFilters.html
locals {
  filter_attributes = {
    strings = [
      "AwsAccountId",
      "AwsAccountName",
      "CompanyName",
      "ComplianceAssociatedStandardsId",
      "ComplianceSecurityControlId",
      "ComplianceSecurityControlParametersName",
      "ComplianceSecurityControlParametersValue",
      "ComplianceStatus",
      "Description",
      "FindingProviderFieldsRelatedFindingsId",
      "FindingProviderFieldsRelatedFindingsProductArn",
      "FindingProviderFieldsSeverityLabel",
      "FindingProviderFieldsSeverityOriginal",
      "FindingProviderFieldsTypes",
      "GeneratorId",
      "Id",
      "MalwareName",
      "MalwarePath",
      "MalwareState",
      "MalwareType",
      "NetworkDestinationDomain",
      "NetworkDirection",
      "NetworkProtocol",
      "NetworkSourceDomain",
      "NetworkSourceMac",
      "NoteText",
      "NoteUpdatedBy",
      "ProcessName",
      "ProcessPath",
      "ProductArn",
      "ProductName",
      "RecommendationText",
      "RecordState",
      "Region",
      "RelatedFindingsId",
      "RelatedFindingsProductArn",
      "ResourceApplicationArn",
      "ResourceApplicationName",
      "ResourceAwsEc2InstanceIamInstanceProfileArn",
      "ResourceAwsEc2InstanceImageId",
      "ResourceAwsEc2InstanceKeyName",
      "ResourceAwsEc2InstanceSubnetId",
      "ResourceAwsEc2InstanceType",
      "ResourceAwsEc2InstanceVpcId",
      "ResourceAwsIamAccessKeyPrincipalName",
      "ResourceAwsIamAccessKeyStatus",
      "ResourceAwsIamAccessKeyUserName",
      "ResourceAwsIamUserUserName",
      "ResourceAwsS3BucketOwnerId",
      "ResourceAwsS3BucketOwnerName",
      "ResourceContainerImageId",
      "ResourceContainerImageName",
      "ResourceContainerName",
      "ResourceId",
      "ResourceOwnerAccountId",
      "ResourceOwnerOrgId",
      "ResourcePartition",
      "ResourceProvider",
      "ResourceRegion",
      "ResourceType",
      "SeverityLabel",
      "SourceUrl",
      "ThreatIntelIndicatorCategory",
      "ThreatIntelIndicatorSource",
      "ThreatIntelIndicatorSourceUrl",
      "ThreatIntelIndicatorType",
      "ThreatIntelIndicatorValue",
      "Title",
      "Type",
      "VerificationState",
      "VulnerabilitiesExploitAvailable",
      "VulnerabilitiesFixAvailable",
      "WorkflowState",
      "WorkflowStatus",
    ]
    dates = [
      "CreatedAt",
      "FirstObservedAt",
      "LastObservedAt",
      "NoteUpdatedAt",
      "ProcessLaunchedAt",
      "ProcessTerminatedAt",
      "ResourceAwsEc2InstanceLaunchedAt",
      "ResourceAwsIamAccessKeyCreatedAt",
      "ResourceContainerLaunchedAt",
      "ThreatIntelIndicatorLastObservedAt",
      "UpdatedAt",
    ]
    numbers = [
      "Confidence",
      "Criticality",
      "FindingProviderFieldsConfidence",
      "FindingProviderFieldsCriticality",
      "NetworkDestinationPort",
      "NetworkSourcePort",
      "ProcessParentPid",
      "ProcessPid",
      "SeverityNormalized",
      "SeverityProduct",
    ]
    booleans = ["Sample"]
    cidrs = [
      "NetworkDestinationIpV4",
      "NetworkDestinationIpV6",
      "NetworkSourceIpV4",
      "NetworkSourceIpV6",
      "ResourceAwsEc2InstanceIpV4Addresses",
      "ResourceAwsEc2InstanceIpV6Addresses",
    ]
    maps = ["ProductFields", "UserDefinedFields", "ResourceTags", "ResourceDetailsOther"]
  }

  # The API's model has more, which "can be used only with automation rules", or only with GetFindingsV2.
  # https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_StringFilter.html
  filter_comparisons = {
    strings = ["EQUALS", "PREFIX", "NOT_EQUALS", "PREFIX_NOT_EQUALS"]
    maps    = ["EQUALS", "NOT_EQUALS"]
  }

  # The API takes any string for these, but findings have only these values.
  filter_values = {
    ComplianceStatus                   = ["PASSED", "WARNING", "FAILED", "NOT_AVAILABLE"]
    FindingProviderFieldsSeverityLabel = ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
    NetworkDirection                   = ["IN", "OUT"]
    RecordState                        = ["ACTIVE", "ARCHIVED"]
    ResourceAwsIamAccessKeyStatus      = ["Active", "Inactive"]
    SeverityLabel                      = ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
    VerificationState                  = ["UNKNOWN", "TRUE_POSITIVE", "FALSE_POSITIVE", "BENIGN_POSITIVE"]
    VulnerabilitiesExploitAvailable    = ["YES", "NO"]
    VulnerabilitiesFixAvailable        = ["YES", "NO", "PARTIAL"]
    WorkflowState                      = ["NEW", "ASSIGNED", "IN_PROGRESS", "DEFERRED", "RESOLVED"]
    WorkflowStatus                     = ["NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"]
  }

  # The same filters in the shape of the API.
  filters = merge(
    {
      for name, criteria in var.filters.strings :
      name => [for c in criteria : { Value = c.value, Comparison = c.comparison }]
    },
    {
      for name, criteria in var.filters.dates :
      name => [
        for c in criteria : {
          for k, v in {
            Start     = c.start
            End       = c.end
            DateRange = c.last_days == null ? null : { Value = c.last_days, Unit = "DAYS" }
          } : k => v if v != null
        }
      ]
    },
    {
      for name, criteria in var.filters.numbers :
      name => [for c in criteria : { for k, v in { Eq = c.eq, Gte = c.gte, Lte = c.lte } : k => v if v != null }]
    },
    {
      for name, criteria in var.filters.maps :
      name => [for c in criteria : { Key = c.key, Value = c.value, Comparison = c.comparison }]
    },
    { for name, cidrs in var.filters.cidrs : name => [for cidr in cidrs : { Cidr = cidr }] },
    { for name, value in var.filters.booleans : name => [{ Value = value }] },
  )
}
