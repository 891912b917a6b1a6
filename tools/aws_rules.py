"""Hold what Terraform plans against AWS's own rules, as cfn-lint has them.

Arguments: CloudFormation's resource schemas give the pattern, the values, the length and the bounds that AWS accepts;
an argument is matched with the property of the same name. Documents (IAM policies, state machines, schedules, SSM
documents) go through the rules of cfn-lint as properties of a template; it has none for event patterns. What is only
known after an apply is checked on the applied stack, by tests/e2e.

    python -m tools.aws_rules [capability …]

plans, on a local cloud, the stack with the smallest settings and with the fullest. Both have the longest prefix, in the
Region with the longest name: every name that is made of them fits the limits of AWS, the provider and the blocks.
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import regex

from local.settings import ACCOUNT_ID
from local.settings import REGION as LOCAL_REGION
from tools import docs
from tools.bootstrap import ROOT
from tools.capabilities import chosen
from tools.hcl import loads, unquote
from tools.root import capabilities
from tools.shown import resources

PREFIX = "a-prefix-of-20-chars"
REGION = "ap-northeast-1"  # no Region of aws, aws-cn or aws-us-gov has a longer name
_PLACES = {"eu-central-1": REGION, LOCAL_REGION: REGION, "111122223333": ACCOUNT_ID}
"""Where the examples of the READMEs and the scenarios are -> where these plans are."""

INSTEAD = {"web_acl_logging": {"destination": "s3"}}
"""Arguments that neither settings have, since each has something in their place: a small plan of their own."""

LEFT_OUT = {
    "finding_export": {"destination"},  # excludes the module's own bucket and what belongs to it
    "finding_remediation": {"remediations"},  # some of them only
    "kms_quota_alarms": {"quotas", "increase_request"},  # the local cloud does not have the quota of the example
    # Two ways to administer an organization, which exclude each other.
    "security_standards": {"configuration_policies", "organization"},
}
"""Arguments of READMEs' examples that the fullest settings cannot have."""

NOT_OF_SCENARIOS = {
    "security_standards": {"create_hub", "suppressions"},  # no hub, and an ended suppression, which a check reports
}
"""Arguments of scenarios that the fullest settings do not have: the examples' are fuller."""

TYPES = {
    "aws_accessanalyzer_analyzer": "AWS::AccessAnalyzer::Analyzer",
    "aws_api_gateway_account": "AWS::ApiGateway::Account",
    "aws_api_gateway_authorizer": "AWS::ApiGateway::Authorizer",
    "aws_api_gateway_deployment": "AWS::ApiGateway::Deployment",
    "aws_api_gateway_gateway_response": "AWS::ApiGateway::GatewayResponse",
    "aws_api_gateway_integration": "AWS::ApiGateway::Method.Integration",
    "aws_api_gateway_integration_response": "AWS::ApiGateway::Method.Integration.IntegrationResponses",
    "aws_api_gateway_method": "AWS::ApiGateway::Method",
    "aws_api_gateway_method_response": "AWS::ApiGateway::Method.MethodResponses",
    "aws_api_gateway_model": "AWS::ApiGateway::Model",
    "aws_api_gateway_request_validator": "AWS::ApiGateway::RequestValidator",
    "aws_api_gateway_resource": "AWS::ApiGateway::Resource",
    "aws_api_gateway_rest_api": "AWS::ApiGateway::RestApi",
    "aws_api_gateway_stage": "AWS::ApiGateway::Stage",
    "aws_api_gateway_usage_plan": "AWS::ApiGateway::UsagePlan",
    "aws_api_gateway_usage_plan_key": "AWS::ApiGateway::UsagePlanKey",
    "aws_appautoscaling_policy": "AWS::ApplicationAutoScaling::ScalingPolicy",
    "aws_appautoscaling_target": "AWS::ApplicationAutoScaling::ScalableTarget",
    "aws_ecr_lifecycle_policy": "AWS::ECR::Repository.LifecyclePolicy",
    "aws_ecr_repository": "AWS::ECR::Repository",
    "aws_ecs_cluster": "AWS::ECS::Cluster",
    "aws_ecs_service": "AWS::ECS::Service",
    "aws_ecs_task_definition": "AWS::ECS::TaskDefinition",
    "aws_iam_openid_connect_provider": "AWS::IAM::OIDCProvider",
    "aws_lb": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "aws_lb_listener": "AWS::ElasticLoadBalancingV2::Listener",
    "aws_lb_target_group": "AWS::ElasticLoadBalancingV2::TargetGroup",
    "aws_security_group": "AWS::EC2::SecurityGroup",
    "aws_vpc_security_group_egress_rule": "AWS::EC2::SecurityGroupEgress",
    "aws_vpc_security_group_ingress_rule": "AWS::EC2::SecurityGroupIngress",
    "aws_athena_named_query": "AWS::Athena::NamedQuery",
    "aws_athena_workgroup": "AWS::Athena::WorkGroup",
    "aws_chatbot_slack_channel_configuration": "AWS::Chatbot::SlackChannelConfiguration",
    "aws_chatbot_teams_channel_configuration": "AWS::Chatbot::MicrosoftTeamsChannelConfiguration",
    "aws_cloudformation_stack": "AWS::CloudFormation::Stack",
    "aws_cloudfront_distribution": "AWS::CloudFront::Distribution",
    "aws_cloudfront_origin_access_control": "AWS::CloudFront::OriginAccessControl",
    "aws_cloudfront_response_headers_policy": "AWS::CloudFront::ResponseHeadersPolicy",
    "aws_cloudwatch_dashboard": "AWS::CloudWatch::Dashboard",
    "aws_cloudwatch_event_rule": "AWS::Events::Rule",
    "aws_cloudwatch_event_target": "AWS::Events::Rule.Targets",
    "aws_cloudwatch_log_group": "AWS::Logs::LogGroup",
    "aws_cloudwatch_log_metric_filter": "AWS::Logs::MetricFilter",
    "aws_cloudwatch_log_resource_policy": "AWS::Logs::ResourcePolicy",
    "aws_codeartifact_domain": "AWS::CodeArtifact::Domain",
    "aws_codeartifact_repository": "AWS::CodeArtifact::Repository",
    "aws_codebuild_project": "AWS::CodeBuild::Project",
    "aws_codebuild_report_group": "AWS::CodeBuild::ReportGroup",
    "aws_codeguruprofiler_profiling_group": "AWS::CodeGuruProfiler::ProfilingGroup",
    "aws_cloudwatch_log_stream": "AWS::Logs::LogStream",
    "aws_cloudwatch_metric_alarm": "AWS::CloudWatch::Alarm",
    "aws_codepipeline": "AWS::CodePipeline::Pipeline",
    "aws_cognito_identity_pool": "AWS::Cognito::IdentityPool",
    "aws_cognito_identity_pool_roles_attachment": "AWS::Cognito::IdentityPoolRoleAttachment",
    "aws_cognito_identity_provider": "AWS::Cognito::UserPoolIdentityProvider",
    "aws_cognito_resource_server": "AWS::Cognito::UserPoolResourceServer",
    "aws_cognito_risk_configuration": "AWS::Cognito::UserPoolRiskConfigurationAttachment",
    "aws_cognito_user_group": "AWS::Cognito::UserPoolGroup",
    "aws_cognito_user_pool": "AWS::Cognito::UserPool",
    "aws_cognito_user_pool_client": "AWS::Cognito::UserPoolClient",
    "aws_cognito_user_pool_domain": "AWS::Cognito::UserPoolDomain",
    "aws_config_config_rule": "AWS::Config::ConfigRule",
    "aws_config_configuration_aggregator": "AWS::Config::ConfigurationAggregator",
    "aws_config_configuration_recorder": "AWS::Config::ConfigurationRecorder",
    "aws_config_delivery_channel": "AWS::Config::DeliveryChannel",
    "aws_config_organization_managed_rule": "AWS::Config::OrganizationConfigRule",
    "aws_config_remediation_configuration": "AWS::Config::RemediationConfiguration",
    "aws_dynamodb_table": "AWS::DynamoDB::Table",
    "aws_glue_catalog_database": "AWS::Glue::Database.DatabaseInput",
    "aws_glue_catalog_table": "AWS::Glue::Table.TableInput",
    "aws_iam_role": "AWS::IAM::Role",
    "aws_iam_role_policy": "AWS::IAM::RolePolicy",
    "aws_iam_service_linked_role": "AWS::IAM::ServiceLinkedRole",
    "aws_iot_certificate": "AWS::IoT::Certificate",
    "aws_iot_policy": "AWS::IoT::Policy",
    "aws_iot_policy_attachment": "AWS::IoT::PolicyPrincipalAttachment",
    "aws_iot_thing": "AWS::IoT::Thing",
    "aws_iot_thing_principal_attachment": "AWS::IoT::ThingPrincipalAttachment",
    "aws_iot_topic_rule": "AWS::IoT::TopicRule",
    "aws_kinesis_firehose_delivery_stream": "AWS::KinesisFirehose::DeliveryStream",
    "aws_kinesis_resource_policy": "AWS::Kinesis::ResourcePolicy",
    "aws_kinesis_stream": "AWS::Kinesis::Stream",
    "aws_kinesis_stream_consumer": "AWS::Kinesis::StreamConsumer",
    "aws_kms_alias": "AWS::KMS::Alias",
    "aws_kms_key": "AWS::KMS::Key",
    "aws_lambda_event_source_mapping": "AWS::Lambda::EventSourceMapping",
    "aws_lambda_function": "AWS::Lambda::Function",
    "aws_lambda_function_event_invoke_config": "AWS::Lambda::EventInvokeConfig",
    "aws_lambda_layer_version": "AWS::Lambda::LayerVersion",
    "aws_lambda_permission": "AWS::Lambda::Permission",
    "aws_msk_cluster_policy": "AWS::MSK::ClusterPolicy",
    "aws_msk_serverless_cluster": "AWS::MSK::ServerlessCluster",
    "aws_mskconnect_connector": "AWS::KafkaConnect::Connector",
    "aws_mskconnect_custom_plugin": "AWS::KafkaConnect::CustomPlugin",
    "aws_mskconnect_worker_configuration": "AWS::KafkaConnect::WorkerConfiguration",
    "aws_opensearch_domain": "AWS::OpenSearchService::Domain",
    "aws_quicksight_analysis": "AWS::QuickSight::Analysis",
    "aws_quicksight_dashboard": "AWS::QuickSight::Dashboard",
    "aws_quicksight_data_set": "AWS::QuickSight::DataSet",
    "aws_quicksight_data_source": "AWS::QuickSight::DataSource",
    "aws_quicksight_refresh_schedule": "AWS::QuickSight::RefreshSchedule",
    "aws_quicksight_template": "AWS::QuickSight::Template",
    "aws_s3_bucket": "AWS::S3::Bucket",
    "aws_s3_bucket_lifecycle_configuration": "AWS::S3::Bucket.LifecycleConfiguration",
    "aws_s3_bucket_logging": "AWS::S3::Bucket.LoggingConfiguration",
    "aws_s3_bucket_object_lock_configuration": "AWS::S3::Bucket.ObjectLockConfiguration",
    "aws_s3_bucket_ownership_controls": "AWS::S3::Bucket.OwnershipControls",
    "aws_s3_bucket_policy": "AWS::S3::BucketPolicy",
    "aws_s3_bucket_public_access_block": "AWS::S3::Bucket.PublicAccessBlockConfiguration",
    "aws_s3_bucket_versioning": "AWS::S3::Bucket.VersioningConfiguration",
    "aws_scheduler_schedule": "AWS::Scheduler::Schedule",
    "aws_secretsmanager_secret": "AWS::SecretsManager::Secret",
    "aws_securityhub_account": "AWS::SecurityHub::Hub",
    "aws_securityhub_automation_rule": "AWS::SecurityHub::AutomationRule",
    "aws_securityhub_configuration_policy": "AWS::SecurityHub::ConfigurationPolicy",
    "aws_securityhub_configuration_policy_association": "AWS::SecurityHub::PolicyAssociation",
    "aws_securityhub_finding_aggregator": "AWS::SecurityHub::FindingAggregator",
    "aws_securityhub_organization_configuration": "AWS::SecurityHub::OrganizationConfiguration",
    "aws_securityhub_standards_subscription": "AWS::SecurityHub::Standard",
    "aws_ses_receipt_rule": "AWS::SES::ReceiptRule.Rule",
    "aws_ses_receipt_rule_set": "AWS::SES::ReceiptRuleSet",
    "aws_sesv2_configuration_set": "AWS::SES::ConfigurationSet",
    "aws_sesv2_configuration_set_event_destination": "AWS::SES::ConfigurationSetEventDestination.EventDestination",
    "aws_sfn_state_machine": "AWS::StepFunctions::StateMachine",
    "aws_sns_topic": "AWS::SNS::Topic",
    "aws_sns_topic_policy": "AWS::SNS::TopicPolicy",
    "aws_sns_topic_subscription": "AWS::SNS::Subscription",
    "aws_sqs_queue": "AWS::SQS::Queue",
    "aws_ssm_association": "AWS::SSM::Association",
    "aws_ssm_document": "AWS::SSM::Document",
    "aws_ssm_parameter": "AWS::SSM::Parameter",
    "aws_verifiedpermissions_identity_source": "AWS::VerifiedPermissions::IdentitySource",
    "aws_verifiedpermissions_policy": "AWS::VerifiedPermissions::Policy",
    "aws_verifiedpermissions_policy_store": "AWS::VerifiedPermissions::PolicyStore",
    "aws_verifiedpermissions_policy_template": "AWS::VerifiedPermissions::PolicyTemplate",
    "aws_verifiedpermissions_schema": "AWS::VerifiedPermissions::PolicyStore.Schema",
    "aws_wafv2_ip_set": "AWS::WAFv2::IPSet",
    "aws_wafv2_rule_group": "AWS::WAFv2::RuleGroup",
    "aws_wafv2_web_acl": "AWS::WAFv2::WebACL",
    "aws_wafv2_web_acl_association": "AWS::WAFv2::WebACLAssociation",
    "aws_xray_group": "AWS::XRay::Group",
    "aws_xray_sampling_rule": "AWS::XRay::SamplingRule.SamplingRule",
}
"""Type of Terraform -> type of CloudFormation, and the property in it that stands for the whole resource."""

WITHOUT = {
    "aws_accessanalyzer_archive_rule": "a part of the analyzer, as a list of filters",
    "aws_api_gateway_method_settings": "a part of the stage, as a list",
    "aws_cloudwatch_event_permission": "a statement of the bus policy, written differently",
    "aws_config_configuration_recorder_status": "an action",
    "aws_dynamodb_table_item": "data",
    "aws_iam_role_policy_attachment": "an ARN",
    "aws_kms_grant": "CloudFormation has none",
    "aws_lambda_function_recursion_config": "a setting of the function, and a word of two",
    "aws_lambda_invocation": "an action",
    "aws_s3_bucket_notification": "a part of the bucket, written differently",
    "aws_s3_bucket_server_side_encryption_configuration": "a part of the bucket, written differently",
    "aws_s3_object": "data",
    "aws_securityhub_action_target": "CloudFormation has none",
    "aws_sesv2_email_identity_policy": "CloudFormation has none",
    "aws_securityhub_standards_control_association": "a part of the standard, as a list",
}
"""Types that no schema of CloudFormation describes as Terraform writes them, with the reason."""


NAMES = {
    "aws_cloudwatch_metric_alarm.metric_query": "metrics",
    "aws_dynamodb_table.attribute": "attributedefinitions",
    "aws_dynamodb_table.attribute.name": "attributename",
    "aws_dynamodb_table.attribute.type": "attributetype",
    "aws_kinesis_firehose_delivery_stream.extended_s3_configuration": "extendeds3destinationconfiguration",
    "aws_kinesis_firehose_delivery_stream.server_side_encryption": "deliverystreamencryptionconfigurationinput",
    "aws_kms_key.deletion_window_in_days": "pendingwindowindays",
    "aws_opensearch_domain.encrypt_at_rest": "encryptionatrestoptions",
    "aws_opensearch_domain.node_to_node_encryption": "nodetonodeencryptionoptions",
    "aws_s3_bucket.bucket": "bucketname",
    "aws_s3_bucket_logging.target_prefix": "logfileprefix",
    "aws_sqs_queue.max_message_size": "maximummessagesize",
    "aws_sqs_queue.message_retention_seconds": "messageretentionperiod",
    "aws_sqs_queue.receive_wait_time_seconds": "receivemessagewaittimeseconds",
    "aws_sqs_queue.visibility_timeout_seconds": "visibilitytimeout",
}
"""Arguments whose names differ from the property's."""

_CHOSEN_BY_AWS = {"client_secret", "id"}  # in no configuration

NONE = {("aws_lambda_function.reserved_concurrent_executions", -1)}
"""Values with which the provider sends nothing."""


@dataclass
class Result:
    """The values that were checked and those that no property matches, by type and path, and the problems.

    `applied`: the values are those of a state, where 0 may stand for an argument that is not set.
    """

    applied: bool = False
    checked: Counter[str] = field(default_factory=Counter)
    unmatched: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Return how much was looked at."""
        values, rest = sum(self.checked.values()), sum(self.unmatched.values())
        return f"{values} values held against AWS's schemas, {rest} without a property of the same name"


# --- arguments ---------------------------------------------------------------------------------------------


@functools.cache
def schema_of(kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the whole schema of a type of CloudFormation, and the part for the property after the dot."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

    name, _, part = kind.partition(".")
    whole = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, name).schema
    found = whole
    for step in part.split(".") if part else ():
        found = _resolve(whole, found["properties"][step])
        found = _resolve(whole, found["items"]) if "items" in found else found
    return whole, found


def check_arguments(resource: Mapping[str, Any], result: Result) -> None:
    """Hold a resource's known values against its schema. Raise KeyError for a type that is in neither table."""
    kind = resource["type"]
    if kind in WITHOUT or not kind.startswith("aws_"):
        return
    whole, schema = schema_of(TYPES[kind])
    given = {name: value for name, value in resource["values"].items() if name not in _CHOSEN_BY_AWS}
    _walk(resource["address"], kind, given, whole, schema, result)


def _walk(
    where: str, path: str, value: Any, whole: Mapping[str, Any], schema: Mapping[str, Any], result: Result
) -> None:
    if value in (None, "", [], {}):  # the provider leaves these out
        return
    if isinstance(value, Mapping):
        properties = _properties(whole, schema)
        for name, inner in value.items():
            if inner in (None, "", [], {}):
                continue
            found = _property(path, name, properties)
            if found is None:
                result.unmatched[f"{path}.{name}"] += 1
            else:
                _walk(f"{where}.{name}", f"{path}.{name}", inner, whole, _resolve(whole, found), result)
    elif isinstance(value, list):
        # A block that may come once is a list in Terraform, and an object in CloudFormation.
        inner_schema = _resolve(whole, schema["items"]) if "items" in schema else schema
        for inner in value:
            _walk(where, path, inner, whole, inner_schema, result)
    elif (path, value) not in NONE and not (result.applied and value == 0):
        result.checked[path] += 1
        result.problems += [f"{where} = {value!r}: {said}" for said in refusals(value, schema)]


def _resolve(whole: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = whole
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return dict(schema)


def _properties(whole: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of an object, those of alternatives included, by name without case and underscores."""
    found = {name.lower(): inner for name, inner in schema.get("properties", {}).items()}
    for alternatives in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(alternatives, []):
            found = _properties(whole, _resolve(whole, part)) | found
    return found


def _property(path: str, name: str, properties: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the schema of an argument: the property of its name, with or without the words of the resource."""
    plain = NAMES.get(f"{path}.{name}") or name.replace("_", "").lower()
    words = path.partition(".")[0].removeprefix("aws_").split("_") if "." not in path else []
    for candidate in (plain, f"{plain}s", *("".join(words[n:]) + plain for n in range(len(words)))):
        if candidate in properties:
            return dict(properties[candidate])
    return None


def refusals(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a schema says against a single value."""
    if "enum" in schema and value not in schema["enum"] and str(value) not in map(str, schema["enum"]):
        yield f"must be one of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield f"must have at least {schema['minLength']} characters"
        if len(value) > schema.get("maxLength", len(value)):
            yield f"must have at most {schema['maxLength']} characters, and has {len(value)}"
        if "pattern" in schema and not regex.search(schema["pattern"], value):
            yield f"must match {schema['pattern']}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            yield f"must be at least {schema['minimum']}"
        if value > schema.get("maximum", value):
            yield f"must be at most {schema['maximum']}"


# --- documents ---------------------------------------------------------------------------------------------


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None


def template_of(resource: Mapping[str, Any], address: str) -> dict[str, Any] | None:
    """Return a resource of CloudFormation that holds the document of one of Terraform's, or None without one.

    `address` is the name to give it.
    """
    values = resource["values"]
    known = {name: document for name, value in values.items() if (document := _parsed(value)) and document != value}
    match resource["type"]:
        case "aws_iam_role" if "assume_role_policy" in known:
            return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": known["assume_role_policy"]}}
        case "aws_iam_role_policy" if "policy" in known:
            properties = {"PolicyName": "p", "RoleName": address, "PolicyDocument": known["policy"]}
            return {"Type": "AWS::IAM::RolePolicy", "Properties": properties}
        case "aws_kms_key" if "policy" in known:
            return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": known["policy"]}}
        case "aws_s3_bucket_policy" if "policy" in known:
            properties = {"Bucket": address, "PolicyDocument": known["policy"]}
            return {"Type": "AWS::S3::BucketPolicy", "Properties": properties}
        case "aws_sqs_queue" if "policy" in known:
            url = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
            return {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [url], "PolicyDocument": known["policy"]}}
        case "aws_sns_topic_policy" if "policy" in known:
            properties = {"Topics": ["arn:aws:sns:eu-west-1:123456789012:t"], "PolicyDocument": known["policy"]}
            return {"Type": "AWS::SNS::TopicPolicy", "Properties": properties}
        case "aws_ssm_document" if "content" in known:
            properties = {"DocumentType": values["document_type"], "Content": known["content"]}
            return {"Type": "AWS::SSM::Document", "Properties": properties}
        case "aws_sfn_state_machine" if "definition" in known:
            role = "arn:aws:iam::123456789012:role/r"
            properties = {"RoleArn": role, "Definition": known["definition"], "StateMachineType": values["type"]}
            return {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
        case "aws_scheduler_schedule" if not str(values.get("schedule_expression") or "at(").startswith("at("):
            # cfn-lint knows the syntax for rules of EventBridge, which is the same but for at().
            return {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": values["schedule_expression"]}}
    return None


def check_documents(found: Iterable[Mapping[str, Any]], result: Result) -> None:
    """Run the rules of cfn-lint on the documents of all resources, as one template."""
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs

    addresses: dict[str, str] = {}
    template: dict[str, Any] = {}
    for resource in found:
        name = f"r{len(template)}"
        if made := template_of(resource, f"name-{name}"):
            addresses[name], template[name] = resource["address"], made
            result.checked[f"document of {resource['type']}"] += 1
    text = json.dumps({"Resources": template})
    for match in lint(text, regions=[REGION], config=ManualArgs(regions=[REGION])) if template else ():
        name = str(match.path[1]) if match.path and len(match.path) > 1 else ""
        result.problems.append(f"{addresses.get(name, 'template')}: {match.rule.id}: {match.message}")


def check(shown: Mapping[str, Any], *, applied: bool = False) -> Result:
    """Return what AWS's rules say of a plan, as `terraform show -json` prints it, or of an applied state."""
    result, found = Result(applied), list(resources(shown))
    for resource in found:
        check_arguments(resource, result)
    check_documents(found, result)
    return result


# --- plans -------------------------------------------------------------------------------------------------


def settings(fullest: bool) -> dict[str, Any]:
    """Return arguments of every capability: of its README's first example, or of its scenario and all its examples."""
    found: dict[str, Any] = {}
    for name, capability in capabilities().items():
        for example in docs.examples(ROOT / capability.path / "README.md"):
            given = loads(_here(example.text)).get(name)
            if isinstance(given, dict) and (fullest or name not in found):
                found[name] = _merged(found.get(name, {}), _value(given))
        left_out = LEFT_OUT.get(name, set())
        found[name] = {key: value for key, value in found.get(name, {}).items() if key not in left_out}
    for name, arguments in _scenarios().items() if fullest else ():
        left_out = NOT_OF_SCENARIOS.get(name, set())
        found[name] |= {key: value for key, value in arguments.items() if key not in left_out}
    return found


def _here(text: str) -> str:
    return functools.reduce(lambda text, place: text.replace(*place), _PLACES.items(), text)


def _scenarios() -> dict[str, Any]:
    """Return the arguments with which the scenarios have the capabilities applied."""
    from local.harness import demo, scenario

    given: dict[str, Any] = json.loads(_here(json.dumps(demo.variables_of(scenario.find()))))
    return {name: arguments for name, arguments in given.items() if name in capabilities()}


def _value(given: Any) -> Any:
    """Return a literal from python-hcl2 as the value it stands for."""
    if isinstance(given, dict):
        return {unquote(name): _value(inner) for name, inner in given.items() if not name.startswith("__")}
    if isinstance(given, list):
        return [_value(inner) for inner in given]
    return unquote(given) if isinstance(given, str) else given


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return one | {name: _merged(one.get(name), value) for name, value in other.items()}
    return other


def main(names: list[str]) -> int:
    """Plan and check the capabilities, or all. Return 1 if AWS would refuse something."""
    from local.harness.cloud import local_cloud
    from local.harness.terraform import Terraform
    from tools import package

    package.build(package.HOST_BUILD, package.Target.host())
    wanted = {name.split("/")[1] for name in chosen(names)} if names else set(capabilities())

    def planned(terraform: Terraform) -> dict[str, Any]:
        terraform.init()
        return terraform.planned()

    sizes = {"smallest": settings(fullest=False), "fullest": settings(fullest=True), "instead": INSTEAD}
    with tempfile.TemporaryDirectory() as folder, local_cloud(Path(folder) / "cloud") as cloud:
        stacks = {}
        for size, arguments in sizes.items():
            if given := {name: value for name, value in arguments.items() if name in wanted}:
                place = {"name_prefix": PREFIX, "region": REGION}
                stacks[size] = Terraform(cloud, Path(folder) / size, given | place)
        with ThreadPoolExecutor(2) as pool:
            results = dict(zip(stacks, map(check, pool.map(planned, stacks.values())), strict=True))
    for size, result in results.items():
        print(f"{size}: {result.summary()}")
        print(*(f"  {problem}" for problem in result.problems), sep="\n", end="" if not result.problems else "\n")
    return int(any(result.problems for result in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
