"""What exists in an account and Region of the local cloud, to show that a destroy leaves nothing behind."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from local.harness.cloud import Cloud
from local.settings import REGION

# Service, list operation, path of the names. Keys that await deletion do not count.
_LISTS: list[tuple[str, str, str, str]] = [
    ("accessanalyzer", "list_analyzers", "analyzers", "name"),
    ("apigateway", "get_rest_apis", "items", "name"),
    ("athena", "list_work_groups", "WorkGroups", "Name"),
    ("chatbot", "describe_slack_channel_configurations", "SlackChannelConfigurations", "ConfigurationName"),
    ("chatbot", "list_microsoft_teams_channel_configurations", "TeamChannelConfigurations", "ConfigurationName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cognito-idp", "list_user_pools", "UserPools", "Name"),
    ("config", "describe_config_rules", "ConfigRules", "ConfigRuleName"),
    ("config", "describe_configuration_aggregators", "ConfigurationAggregators", "ConfigurationAggregatorName"),
    ("config", "describe_configuration_recorders", "ConfigurationRecorders", "name"),
    ("config", "describe_delivery_channels", "DeliveryChannels", "name"),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupName"),
    ("ecr", "describe_repositories", "repositories", "repositoryName"),
    ("ecs", "list_clusters", "clusterArns", ""),
    ("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerName"),
    ("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupName"),
    ("events", "list_rules", "Rules", "Name"),
    ("glue", "get_databases", "DatabaseList", "Name"),
    ("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList", "Arn"),
    ("iam", "list_policies", "Policies", "Arn"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iot", "list_certificates", "certificates", "certificateId"),
    ("iot", "list_policies", "policies", "policyName"),
    ("iot", "list_things", "things", "thingName"),
    ("iot", "list_topic_rules", "rules", "ruleName"),
    ("kms", "list_aliases", "Aliases", "AliasName"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("lambda", "list_layers", "Layers", "LayerName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("scheduler", "list_schedules", "Schedules", "Name"),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("securityhub", "describe_action_targets", "ActionTargets", "ActionTargetArn"),
    ("securityhub", "get_enabled_standards", "StandardsSubscriptions", "StandardsArn"),
    ("securityhub", "list_automation_rules", "AutomationRulesMetadata", "RuleName"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sqs", "list_queues", "QueueUrls", ""),
    ("ssm", "describe_parameters", "Parameters", "Name"),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
    ("verifiedpermissions", "list_policy_stores", "policyStores", "policyStoreId"),
    ("wafv2", "list_ip_sets", "IPSets", "Name"),
    ("wafv2", "list_rule_groups", "RuleGroups", "Name"),
    ("wafv2", "list_web_acls", "WebACLs", "Name"),
]

_EXTRA: dict[str, dict[str, Any]] = {
    "cognito-idp:list_user_pools": {"MaxResults": 60},
    "iam:list_policies": {"Scope": "Local"},
}


def resources(cloud: Cloud, account: str = "", region: str = REGION) -> set[str]:
    """Return `service:name` of everything found, such as `lambda:switchyard-finding-export`.

    The account is the default one unless given.
    """
    found: set[str] = set()
    for service, operation, field, name in _LISTS:
        client = cloud.client(service, account=account, region=region)
        extra = {"Scope": "REGIONAL"} if service == "wafv2" else _EXTRA.get(f"{service}:{operation}", {})
        try:
            if client.can_paginate(operation):
                pages = list(client.get_paginator(operation).paginate(**extra))
            else:
                pages = [getattr(client, operation)(**extra)]
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidAccessException":
                raise
            continue  # Security Hub is not enabled, so it has no resources
        for page in pages:
            found |= {f"{service}:{item[name] if name else item}" for item in page.get(field) or []}
    kms = cloud.client("kms", account=account, region=region)
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            state = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
            if state["KeyState"] != "PendingDeletion":
                found.add(f"kms:{key['KeyId']}")
    return found
